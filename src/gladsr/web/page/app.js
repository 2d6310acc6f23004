// The page: settings, the list of pictures, and the selected one.

import { models, optionSchemas, prepare } from "./api.js";
import { Picture } from "./picture.js";
import { Viewer } from "./viewer.js";

const AT_A_TIME = 2;

const $ = (selector) => document.querySelector(selector);
const viewer = new Viewer();
const pictures = new Map(); // to their elements in the list
let shown = null;
let schemas = null; // of the options

// Settings

const AUTO = "auto"; // chooses between CLEAN and another model of the same scales
const CLEAN = "gladsr";
const RESEARCH = "gladsr-sr291"; // for comparison with the paper, not for pictures
const SCALE = /^x?(\d(?:[.,]\d+)?)$/;

function settings() {
  const form = new FormData($("#settings"));
  const chosen = form.get("scale");
  const { scale, size } = chosen === "other" ? scaleOrSize(form.get("other")) : { scale: Number(chosen) };
  return {
    model: form.get("model"),
    scale,
    size,
    draft: form.get("quality") === "draft",
    ensemble: form.get("quality") === "ensemble",
    format: form.get("format"),
  };
}

/** Parse a scale such as 1.5, or a size such as 1920x1080. */
function scaleOrSize(text) {
  const plain = text.toLowerCase().replaceAll(/[×*]/g, "x").replaceAll(/\s/g, "");
  const scale = Number(plain.match(SCALE)?.[1].replace(",", "."));
  const { exclusiveMinimum, maximum } = schemas.scale;
  if (scale > exclusiveMinimum && scale <= maximum) return { scale };
  return new RegExp(schemas.size.pattern).test(plain) ? { size: plain } : {};
}

async function offerModels() {
  const all = await models();
  schemas = await optionSchemas();
  const offered = all.filter(({ name }) => name !== RESEARCH);
  const purposes = new Map(offered.map(({ name, purpose }) => [name, purpose]));
  $("#model").replaceChildren(
    new Option("auto: chooses for each picture", AUTO),
    ...[...purposes].map(([name, purpose]) => new Option(`${name}: ${purpose}`, name)),
  );
  const offerScales = () => {
    const model = $("#model").value === AUTO ? CLEAN : $("#model").value;
    const scales = all.filter(({ name }) => name === model).map(({ scale }) => scale);
    const chosen = new FormData($("#settings")).get("scale");
    const values = [...scales.map(String), "other"];
    const value = values.includes(chosen) ? chosen : values[0];
    $("#scales").replaceChildren(...values.map((one) => scaleButton(one, one === value)));
    offerOther();
  };
  $("#model").addEventListener("change", offerScales);
  offerScales();
  $("#terms").textContent = `Licences of the models: ${[...new Set(all.map((one) => one.licence))].join(", ")}`;
}

function scaleButton(value, checked) {
  const input = element("input", { type: "radio", name: "scale", value, checked });
  return element("label", {}, input, element("span", {}, value === "other" ? "Other" : `×${value}`));
}

/** Show the field for another scale or a size if it is selected, and validate it. */
function offerOther() {
  const field = $("#other");
  field.hidden = new FormData($("#settings")).get("scale") !== "other";
  const { scale, size } = settings();
  const valid = field.hidden || scale || size;
  const range = `above ${schemas.scale.exclusiveMinimum} and up to ${schemas.scale.maximum}`;
  field.setCustomValidity(valid ? "" : `Enter a scale ${range}, or a size such as 1920x1080, 3840x or x2160.`);
}

function target({ scale, size }) {
  return size ? size.replace("x", "×") : `×${scale}`;
}

function sameSettings(one, other) {
  return Object.keys(one).every((key) => one[key] === other[key]);
}

// The queue

function add(files) {
  if (!$("#other").reportValidity()) return;
  const chosen = settings();
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

// The state of a picture

function stateOf(picture) {
  switch (picture.state) {
    case "waiting":
      return "Waiting";
    case "uploading":
      return picture.progress < 1 ? `Uploading, ${percent(picture.progress)}` : "Waiting for the service";
    case "queued":
      return picture.ahead ? `Queued, ${picture.ahead} ahead` : "Next";
    case "running":
      if (!picture.parts.draft && !picture.settings.draft) return "Computing a draft";
      return picture.progress ? `Upscaling, ${percent(picture.progress)}` : "Upscaling";
    case "fetching":
      return "Downloading";
    case "failed":
      return picture.error;
    default:
      return `${target(picture.settings)} ${kind(picture)}${reason(picture)}, ${duration(picture.seconds)}`;
  }
}

function reason({ chosen }) {
  return chosen ? ` (${chosen.reason})` : "";
}

function kind(picture) {
  const { draft, ensemble } = picture.settings;
  const model = picture.chosen?.model ?? picture.settings.model;
  return model + (draft ? " draft" : "") + (ensemble ? " ensemble" : "");
}

function update(picture) {
  const parts = pictures.get(picture);
  if (!parts) return;
  parts.state.textContent = stateOf(picture);
  parts.state.classList.toggle("error", picture.state === "failed");
  parts.bar.hidden = picture.finished || picture.state === "waiting";
  setProgress(parts.bar, picture);
  const none = parts.item.querySelector(".none"); // for a format that the browser cannot display
  if (none && picture.parts.bicubic) none.replaceWith(element("img", { src: picture.parts.bicubic, alt: "" }));
  if (picture === shown) draw();
  showTools();
}

function setProgress(bar, picture) {
  const known = picture.state === "uploading" || (picture.state === "running" && picture.progress > 0);
  if (known) bar.value = picture.progress;
  else bar.removeAttribute("value");
}

function announce(picture) {
  $("#live").textContent =
    picture.state === "done" ? `${picture.file.name} is done.` : `${picture.file.name}: ${picture.error}`;
}

// The selected picture

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
  const { parts, settings: chosen, newSize } = shown;
  if (newSize && opened !== newSize.join()) {
    opened = newSize.join();
    viewer.open(...newSize);
  }
  viewer.show({
    ...before(),
    after: parts.result ?? parts.draft,
    afterName: parts.result ? `${kind(shown)} ${target(chosen)}` : "Draft",
  });
  $("#compare [value=draft]").disabled = !parts.draft;
  $("#compare [value=masks]").disabled = !parts.bicubic;
  showMasks();
  showMessage();
  showFacts();
}

/** The image left of the divider. */
function before() {
  const { parts, size, masks } = shown;
  const wanted = $("#compare").value;
  if (wanted === "masks" && masks && heatMap.of === masks) {
    return { before: heatMap.address, beforeName: "Guided mask", pixels: false };
  }
  const compared = parts[wanted] ? wanted : parts.bicubic ? "bicubic" : "original";
  const name = { bicubic: "Bicubic", draft: "Draft", original: "Original" }[compared];
  return { before: size && parts[compared], beforeName: name, pixels: compared === "original" };
}

let heatMap = {}; // the mask that is shown, and whose it is

async function showMasks() {
  const wanted = $("#compare").value === "masks" && shown.parts.bicubic;
  $("#masks").hidden = !(wanted && shown.masks);
  if (!wanted) return;
  const { masks } = shown;
  if (!masks) {
    shown.loadMasks();
    return;
  }
  $("#glam").max = masks.count;
  const number = $("#glam").valueAsNumber - 1;
  $("#module").value = masks.name(number);
  $("#glam").setAttribute("aria-valuetext", masks.name(number));
  if (heatMap.of === masks && heatMap.number === number) return;
  const address = await masks.address(number);
  if (number !== $("#glam").valueAsNumber - 1) return; // another one was selected meanwhile
  heatMap = { of: masks, number, address };
  draw();
}

function showMessage() {
  const message = $("#message");
  const loading = $("#compare").value === "masks" && shown.state === "done" && !shown.masks;
  message.hidden = shown.state === "done" && !loading;
  $("#bar").hidden = shown.state === "failed" && !shown.parts.bicubic;
  message.classList.toggle("error", shown.state === "failed" || Boolean(loading && shown.masksError));
  message.querySelector("p").textContent = loading
    ? shown.masksError || "Computing the guided masks"
    : stateOf(shown);
  message.querySelector("progress").hidden = loading ? Boolean(shown.masksError) : shown.finished;
  setProgress(message.querySelector("progress"), shown);
}

function showFacts() {
  const { size, newSize, pages, state, download } = shown;
  const sizes = size && `${size.join(" × ")} → ${newSize.join(" × ")}`;
  const several = pages > 1 && `first of ${pages}`;
  const facts = [several, sizes, state === "done" && bytes(download.size), state === "done" && duration(shown.seconds)];
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

function offer(link, picture) {
  link.href = picture.address;
  link.download = picture.name;
}

async function downloadAll() {
  for (const picture of pictures.keys()) {
    if (picture.state !== "done") continue;
    const link = element("a", {});
    offer(link, picture);
    link.click();
    await new Promise((resolve) => setTimeout(resolve, 300)); // browsers block simultaneous downloads
  }
}

// Input

function listen() {
  $("#settings").addEventListener("submit", (event) => event.preventDefault());
  for (const event of ["change", "input"]) {
    $("#settings").addEventListener(event, () => {
      offerOther();
      showTools();
    });
  }
  $("#scales").addEventListener("click", (event) => {
    if (event.detail && event.target.value === "other") $("#other").focus(); // but not with the keyboard
  });
  $("#glam").addEventListener("input", draw);
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

// Text and elements

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
