// One picture on its way: sent, computed, fetched.

import { attend, discard, fetchPart, follow, submit } from "./api.js";
import { Attention } from "./attention.js";

const SUFFIXES = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/tiff": "tif",
  "image/webp": "webp",
  "image/avif": "avif",
  "image/gif": "gif",
};

/** Tells its listeners of every "change". */
export class Picture extends EventTarget {
  state = "waiting"; // then sending, queued, running, fetching; at the end done or failed
  progress = 0;
  ahead = 0;
  error = "";
  size = null; // width and height, once they are known
  newSize = null;
  pages = 1;
  seconds = 0;
  parts = {}; // addresses of pictures that the browser can show: original, bicubic, draft, result
  download = null;
  address = ""; // of the download
  attention = null; // once it is asked for
  attentionError = "";
  #attending = false;
  #stop = new AbortController();
  #job = null;

  constructor(file, settings) {
    super();
    this.file = file;
    this.settings = settings;
    this.parts.original = URL.createObjectURL(file);
  }

  get finished() {
    return this.state === "done" || this.state === "failed";
  }

  /** What the picture will be called when it is saved. */
  get name() {
    const [, stem, suffix] = this.file.name.match(/^(.+?)(\.[^.]*)?$/) ?? [null, "picture", ""];
    const wanted = SUFFIXES[this.download?.type] ?? "png";
    const given = suffix?.slice(1).toLowerCase();
    const same = { jpeg: "jpg", tiff: "tif" }[given] ?? given;
    const { scale } = this.settings;
    const target = scale ? `x${scale}` : this.newSize.join("x");
    return `${stem}-${target}.${same === wanted ? suffix.slice(1) : wanted}`;
  }

  async run() {
    const signal = this.#stop.signal;
    try {
      this.#change({ state: "sending" });
      const onUpload = (progress) => this.#change({ progress });
      const given = Object.entries(this.settings).filter(([, value]) => value);
      const options = { ...Object.fromEntries(given), preview: true };
      const job = await submit(this.file, options, { signal, onUpload });
      this.#job = job.id;
      for await (const status of follow(job.id, signal)) await this.#hear(status, signal);
    } catch (error) {
      if (!signal.aborted) this.#change({ state: "failed", error: error.message });
    } finally {
      this.#release();
    }
  }

  /** Find out what the network attends to in it, once. */
  async attend() {
    if (this.#attending) return;
    this.#attending = true;
    try {
      const [across, down] = this.newSize.map((side, axis) => side / this.size[axis]);
      const scale = this.settings.scale ?? Math.min(Math.max(across, down, 1.01), 8);
      const masks = await attend(this.file, { model: this.settings.model, scale }, this.#stop.signal);
      this.#change({ attention: await Attention.of(masks, this.parts.bicubic) });
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#change({ attentionError: error.message });
    }
  }

  /** Give it up, and forget what is known of it. */
  close() {
    this.#stop.abort(new DOMException("removed", "AbortError"));
    this.#release();
    for (const address of [...Object.values(this.parts), this.address]) URL.revokeObjectURL(address);
    this.attention?.close();
  }

  async #hear(status, signal) {
    const { state, ahead, progress } = status;
    this.size = [status.width, status.height];
    this.newSize = [status.new_width, status.new_height];
    this.pages = status.pages;
    if (state === "failed" || state === "cancelled") {
      this.#change({ state: "failed", error: status.problem.detail });
      return;
    }
    this.#change({ state: state === "done" ? "fetching" : state, ahead, progress });
    for (const part of ["bicubic", "draft"]) {
      if (status.parts[part] && !this.parts[part]) {
        this.#add(part, await fetchPart(status.parts[part], signal));
      }
    }
    if (state === "done") {
      this.download = await fetchPart(status.parts.result, signal);
      this.address = URL.createObjectURL(this.download);
      const { view } = status.parts;
      this.#add("result", view ? await fetchPart(view, signal) : this.download);
      this.#change({ state: "done", progress: 1, seconds: status.seconds });
    }
  }

  #add(part, blob) {
    this.parts[part] = URL.createObjectURL(blob);
    this.#change({});
  }

  #change(news) {
    Object.assign(this, news);
    this.dispatchEvent(new Event("change"));
  }

  #release() {
    if (this.#job) discard(this.#job);
    this.#job = null;
  }
}
