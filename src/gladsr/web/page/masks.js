// The guided masks of the network, as a heat map over the picture.

const HEAT = [
  [20, 24, 82],
  [0, 112, 160],
  [70, 180, 140],
  [252, 208, 76],
  [212, 40, 44],
]; // from low to high
const OPACITY = 0.62; // of the heat map
const LONGEST = 1600; // side in pixels

/** The masks of one picture, each drawn when it is first requested. */
export class Masks {
  #stacked;
  #picture;
  #height;
  #drawn = [];

  /** Create from the service's image of all masks, and the picture that they belong to. */
  static async of(stacked, picture) {
    return new Masks(await createImageBitmap(stacked), await loaded(picture));
  }

  constructor(stacked, picture) {
    this.#stacked = stacked;
    this.#picture = picture;
    // Stacked vertically; the basic net and the refine net have the same number.
    const each = (stacked.width * picture.naturalHeight) / picture.naturalWidth;
    this.count = 2 * Math.max(1, Math.round(stacked.height / each / 2));
    this.#height = stacked.height / this.count;
  }

  /** The name of a mask's module. */
  name(number) {
    const half = this.count / 2;
    return `${number < half ? "Basic" : "Refine"} net, GLAM ${(number % half) + 1}`;
  }

  /** The URL of a mask over the picture. */
  async address(number) {
    this.#drawn[number] ??= this.#draw(number);
    return this.#drawn[number];
  }

  async close() {
    for (const address of await Promise.all(Object.values(this.#drawn))) URL.revokeObjectURL(address);
  }

  async #draw(number) {
    const { naturalWidth, naturalHeight } = this.#picture;
    const scale = Math.min(1, LONGEST / Math.max(naturalWidth, naturalHeight));
    const canvas = new OffscreenCanvas(
      Math.max(1, Math.round(scale * naturalWidth)),
      Math.max(1, Math.round(scale * naturalHeight)),
    );
    const { width, height } = canvas;
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.fillStyle = "#808080";
    context.fillRect(0, 0, width, height); // shows through transparency
    context.drawImage(this.#picture, 0, 0, width, height);
    context.globalCompositeOperation = "saturation"; // makes the picture grey
    context.fillRect(0, 0, width, height);
    context.globalCompositeOperation = "source-over";
    context.globalAlpha = OPACITY;
    context.drawImage(this.#heat(number), 0, 0, width, height);
    return URL.createObjectURL(await canvas.convertToBlob());
  }

  #heat(number) {
    const canvas = new OffscreenCanvas(this.#stacked.width, this.#height);
    const context = canvas.getContext("2d");
    context.drawImage(this.#stacked, 0, -number * this.#height);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 0; at < pixels.data.length; at += 4) pixels.data.set(heat(pixels.data[at] / 255), at);
    context.putImageData(pixels, 0, 0);
    return canvas;
  }
}

/** The colour of a value from 0 to 1. */
function heat(value) {
  const position = value * (HEAT.length - 1);
  const below = Math.min(Math.floor(position), HEAT.length - 2);
  return HEAT[below].map((low, channel) => low + (position - below) * (HEAT[below + 1][channel] - low));
}

async function loaded(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}
