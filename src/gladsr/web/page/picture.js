// One picture: uploaded, computed, fetched.

import { discard, fetchMasks, fetchPart, follow, submit } from "./api.js";
import { Masks } from "./masks.js";

const SUFFIXES = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/tiff": "tif",
  "image/webp": "webp",
  "image/avif": "avif",
  "image/gif": "gif",
};

/** Dispatches a "change" event at every change. */
export class Picture extends EventTarget {
  state = "waiting"; // then uploading, queued, running, fetching; finally done or failed
  progress = 0;
  ahead = 0;
  error = "";
  size = null; // width and height, once known
  newSize = null;
  pages = 1;
  seconds = 0;
  chosen = null; // by "auto": the model and the reason
  parts = {}; // URLs of images that the browser can display: original, bicubic, draft, result
  download = null;
  address = ""; // of the download
  masks = null; // once requested
  masksError = "";
  #fetchingMasks = false;
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

  /** The file name of the download. */
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
      this.#change({ state: "uploading" });
      const onUpload = (progress) => this.#change({ progress });
      const given = Object.entries(this.settings).filter(([, value]) => value);
      const options = { ...Object.fromEntries(given), preview: true };
      const job = await submit(this.file, options, { signal, onUpload });
      this.#job = job.id;
      for await (const status of follow(job.id, signal)) await this.#receive(status, signal);
    } catch (error) {
      if (!signal.aborted) this.#change({ state: "failed", error: error.message });
    } finally {
      this.#release();
    }
  }

  /** Fetch the guided masks, once. */
  async loadMasks() {
    if (this.#fetchingMasks) return;
    this.#fetchingMasks = true;
    try {
      const [across, down] = this.newSize.map((side, axis) => side / this.size[axis]);
      const scale = this.settings.scale ?? Math.min(Math.max(across, down, 1.01), 8);
      const stacked = await fetchMasks(this.file, { model: this.chosen?.model ?? this.settings.model, scale }, this.#stop.signal);
      this.#change({ masks: await Masks.of(stacked, this.parts.bicubic) });
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#change({ masksError: error.message });
    }
  }

  /** Cancel it, and free everything that it holds. */
  close() {
    this.#stop.abort(new DOMException("removed", "AbortError"));
    this.#release();
    for (const address of [...Object.values(this.parts), this.address]) URL.revokeObjectURL(address);
    this.masks?.close();
  }

  async #receive(status, signal) {
    const { state, ahead, progress } = status;
    this.size = [status.width, status.height];
    this.newSize = [status.new_width, status.new_height];
    this.pages = status.pages;
    this.chosen = status.chosen;
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

  #change(properties) {
    Object.assign(this, properties);
    this.dispatchEvent(new Event("change"));
  }

  #release() {
    if (this.#job) discard(this.#job);
    this.#job = null;
  }
}
