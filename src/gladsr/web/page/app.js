// The page: settings, the queue of pictures, and the one that is shown.

import { models, prepare } from "./api.js";
import { Picture } from "./picture.js";
import { Viewer } from "./viewer.js";

const AT_A_TIME = 2;

const $ = (selector) => document.querySelector(selector);
const viewer = new Viewer();
const pictures = new Map(); // each with its entry in the list
let shown = null;

// Settings

function settings() {
  const form = new FormData($("#settings"));
  return {
    model: form.get("model"),
    scale: Number(form.get("scale")),
    draft: form.get("quality") === "draft",
    ensemble: form.get("quality") === "ensemble",
    format: form.get("format"),
  };
}

async function offerModels() {
  const all = await models();
  const names = [...new Set(all.map((model) => model.name))];
  $("#model").replaceChildren(...names.map((name) => new Option(name, name)));
  const offerScales = () => {
    const scales = all.filter(({ name }) => name === $("#model").value).map(({ scale }) => scale);
    const chosen = settings().scale;
    const scale = scales.includes(chosen) ? chosen : scales[0];
    $("#scales").replaceChildren(...scales.map((one) => scaleButton(one, one === scale)));
  };
  $("#model").addEventListener("change", offerScales);
  offerScales();
  $("#terms").textContent = `Terms of the models: ${[...new Set(all.map((one) => one.licence))].join(", ")}`;
}

function scaleButton(scale, checked) {
  const input = element("input", { type: "radio", name: "scale", value: scale, checked });
  return element("label", {}, input, element("span", {}, `×${scale}`));
}

function sameSettings(one, other) {
  return Object.keys(one).every((key) => one[key] === other[key]);
}

// The queue

function add(files, chosen = settings()) {
  let first = null;
  for (const file of files) {
    const picture = new Picture(file, chosen);
    first ??= picture;
    pictures.set(picture, entry(picture));
    picture.addEventListener("change", () => update(picture));
    update(picture);
  }
  if (first) show(first);
  startWaiting();
}

function entry(picture) {
  const image = element("img", { src: picture.parts.original, alt: "" });
  image.addEventListener("error", () => image.replaceWith(element("span", { className: "none" })), { once: true });
  const parts = {
    state: element("span", { className: "state" }),
    bar: element("progress", { max: 1 }),
  };
  parts.button = element(
    "button",
    { type: "button", className: "item", title: picture.file.name },
    image,
    element("span", { className: "text" }, element("span", { className: "title" }, picture.file.name), parts.state, parts.bar),
  );
  parts.button.addEventListener("click", () => show(picture));
  const remove = element("button", { type: "button", className: "remove", ariaLabel: `Remove ${picture.file.name}` }, "×");
  remove.addEventListener("click", () => drop(picture));
  parts.item = element("li", {}, parts.button, remove);
  $("#list").append(parts.item);
  return parts;
}

function startWaiting() {
  const all = [...pictures.keys()];
  let busy = all.filter((one) => !one.finished && one.state !== "waiting").length;
  for (const picture of all.filter((one) => one.state === "waiting")) {
    if (busy >= AT_A_TIME) return;
    busy += 1;
    picture.run().finally(() => {
      if (pictures.has(picture)) announce(picture);
      startWaiting();
    });
  }
}

function drop(picture) {
  const all = [...pictures.keys()];
  const at = all.indexOf(picture);
  picture.close();
  pictures.get(picture).item.remove();
  pictures.delete(picture);
  if (shown === picture) show(all[at + 1] ?? all[at - 1] ?? null);
  ($("#list .item[aria-current=true]") ?? $("#files")).focus();
  showTools();
  startWaiting();
}

// What is said of a picture

function stateOf(picture) {
  switch (picture.state) {
    case "waiting":
      return "Waiting";
    case "sending":
      return picture.progress < 1 ? `Sending, ${percent(picture.progress)}` : "Waiting for the service";
    case "queued":
      return picture.ahead ? `Waiting, ${picture.ahead} before it` : "Next";
    case "running":
      if (!picture.parts.draft && !picture.settings.draft) return "Drafting";
      return picture.progress ? `Upscaling, ${percent(picture.progress)}` : "Upscaling";
    case "fetching":
      return "Fetching";
    case "failed":
      return picture.error;
    default:
      return `×${picture.settings.scale} ${kind(picture)}, ${duration(picture.seconds)}`;
  }
}

function kind(picture) {
  const { model, draft, ensemble } = picture.settings;
  return model + (draft ? " draft" : "") + (ensemble ? " ensemble" : "");
}

function update(picture) {
  const parts = pictures.get(picture);
  if (!parts) return;
  parts.state.textContent = stateOf(picture);
  parts.state.classList.toggle("error", picture.state === "failed");
  parts.bar.hidden = picture.finished || picture.state === "waiting";
  setProgress(parts.bar, picture);
  const none = parts.item.querySelector(".none"); // of a format that the browser cannot show
  if (none && picture.parts.bicubic) none.replaceWith(element("img", { src: picture.parts.bicubic, alt: "" }));
  if (picture === shown) draw();
  showTools();
}

function setProgress(bar, picture) {
  const known = picture.state === "sending" || (picture.state === "running" && picture.progress > 0);
  if (known) bar.value = picture.progress;
  else bar.removeAttribute("value");
}

function announce(picture) {
  $("#live").textContent =
    picture.state === "done" ? `${picture.file.name} is done.` : `${picture.file.name}: ${picture.error}`;
}

// The one that is shown

let opened = "";

function show(picture) {
  shown = picture;
  opened = "";
  for (const [one, { button }] of pictures) button.ariaCurrent = one === picture;
  if (picture) pictures.get(picture).item.scrollIntoView({ block: "nearest", inline: "nearest" });
  draw();
  showTools();
}

function draw() {
  $("#empty").hidden = Boolean(shown);
  $("#viewer").hidden = !shown;
  $("#queue").hidden = pictures.size === 0;
  if (!shown) return;
  const { parts, settings: chosen, size } = shown;
  if (size && opened !== size.join()) {
    opened = size.join();
    viewer.open(size[0] * chosen.scale, size[1] * chosen.scale);
  }
  const wanted = $("#compare").value;
  const compared = parts[wanted] ? wanted : "bicubic";
  viewer.show({
    before: size && (parts[compared] ?? parts.original),
    beforeName: { bicubic: "Bicubic", draft: "Draft", original: "Original" }[parts[compared] ? compared : "original"],
    pixels: compared === "original",
    after: parts.result ?? parts.draft,
    afterName: parts.result ? `${kind(shown)} ×${chosen.scale}` : "Draft",
  });
  $("#compare [value=draft]").disabled = !parts.draft;
  showMessage();
  showFacts();
}

function showMessage() {
  const message = $("#message");
  message.hidden = shown.state === "done";
  message.classList.toggle("error", shown.state === "failed");
  message.querySelector("p").textContent = stateOf(shown);
  message.querySelector("progress").hidden = shown.finished;
  setProgress(message.querySelector("progress"), shown);
}

function showFacts() {
  const { size, settings: chosen, state, download } = shown;
  const sizes = size && `${size.join(" × ")} → ${size.map((side) => side * chosen.scale).join(" × ")}`;
  const facts = [sizes, state === "done" && bytes(download.size), state === "done" && duration(shown.seconds)];
  $("#facts").textContent = facts.filter(Boolean).join(" · ");
  const link = $("#download");
  link.hidden = state !== "done";
  if (state === "done") offer(link, shown);
}

function showTools() {
  const done = [...pictures.keys()].filter((one) => one.state === "done");
  $("#download-all").hidden = done.length < 2;
  $("#again").hidden = !shown?.finished || sameSettings(shown.settings, settings());
}

// Downloads

const links = new WeakMap();

function offer(link, picture) {
  if (!links.has(picture)) links.set(picture, URL.createObjectURL(picture.download));
  link.href = links.get(picture);
  link.download = picture.name;
}

async function downloadAll() {
  for (const picture of pictures.keys()) {
    if (picture.state !== "done") continue;
    const link = element("a", {});
    offer(link, picture);
    link.click();
    await new Promise((resolve) => setTimeout(resolve, 300)); // browsers drop what comes at once
  }
}

// What comes in

function listen() {
  $("#settings").addEventListener("submit", (event) => event.preventDefault());
  $("#settings").addEventListener("change", showTools);
  $("#files").addEventListener("change", (event) => {
    add(event.target.files);
    event.target.value = "";
  });
  $("#again").addEventListener("click", () => add([shown.file]));
  $("#compare").addEventListener("change", draw);
  $("#download-all").addEventListener("click", downloadAll);
  $("#samples").addEventListener("click", async (event) => {
    const name = event.target.closest("button")?.dataset.sample;
    if (!name) return;
    const blob = await (await fetch(`/page/samples/${name}`)).blob();
    add([new File([blob], name, { type: blob.type })]);
  });
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) add(files);
  });
  let depth = 0;
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (hasFiles(event)) document.body.classList.toggle("dropping", ++depth > 0);
  });
  addEventListener("dragleave", (event) => {
    if (hasFiles(event)) document.body.classList.toggle("dropping", --depth > 0);
  });
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    document.body.classList.remove("dropping");
    add(event.dataTransfer.files);
  });
  addEventListener("pagehide", (event) => {
    if (!event.persisted) for (const picture of pictures.keys()) picture.close();
  });
}

function askForToken() {
  const dialog = $("#ask-token");
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve($("#token").value), { once: true });
  });
}

// Words and elements

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function percent(share) {
  return `${Math.round(100 * share)} %`;
}

function bytes(count) {
  return count < 1e6 ? `${Math.max(1, Math.round(count / 1e3))} kB` : `${(count / 1e6).toFixed(1)} MB`;
}

function duration(seconds) {
  return seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

prepare(askForToken);
listen();
offerModels().catch((error) => {
  $("#terms").textContent = error.message;
});
