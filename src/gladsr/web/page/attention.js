// What the network attends to: its guided masks as heat over the picture.

const HEAT = [
  [20, 24, 82],
  [0, 112, 160],
  [70, 180, 140],
  [252, 208, 76],
  [212, 40, 44],
]; // from little to much
const STRENGTH = 0.62; // of the heat over the picture
const LONGEST = 1600; // pixels of a side

/** The masks of one picture, each drawn when it is first asked for. */
export class Attention {
  #masks;
  #picture;
  #height;
  #drawn = [];

  /** Take the service's picture of the masks, and the picture that they are of. */
  static async of(masks, picture) {
    return new Attention(await createImageBitmap(masks), await loaded(picture));
  }

  constructor(masks, picture) {
    this.#masks = masks;
    this.#picture = picture;
    // They lie one below the other, as many in the basic net as in the refine net.
    const each = (masks.width * picture.naturalHeight) / picture.naturalWidth;
    this.count = 2 * Math.max(1, Math.round(masks.height / each / 2));
    this.#height = masks.height / this.count;
  }

  /** What the network calls the module of a mask. */
  name(number) {
    const half = this.count / 2;
    return `${number < half ? "Basic" : "Refine"} net, GLAM ${(number % half) + 1}`;
  }

  /** The address of a mask over the picture. */
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
    context.fillRect(0, 0, width, height); // behind what is transparent
    context.drawImage(this.#picture, 0, 0, width, height);
    context.globalCompositeOperation = "saturation"; // the picture in grey
    context.fillRect(0, 0, width, height);
    context.globalCompositeOperation = "source-over";
    context.globalAlpha = STRENGTH;
    context.drawImage(this.#heat(number), 0, 0, width, height);
    return URL.createObjectURL(await canvas.convertToBlob());
  }

  #heat(number) {
    const canvas = new OffscreenCanvas(this.#masks.width, this.#height);
    const context = canvas.getContext("2d");
    context.drawImage(this.#masks, 0, -number * this.#height);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 0; at < pixels.data.length; at += 4) pixels.data.set(heat(pixels.data[at] / 255), at);
    context.putImageData(pixels, 0, 0);
    return canvas;
  }
}

/** The colour of a value from 0 to 1. */
function heat(value) {
  const place = value * (HEAT.length - 1);
  const below = Math.min(Math.floor(place), HEAT.length - 2);
  return HEAT[below].map((low, channel) => low + (place - below) * (HEAT[below + 1][channel] - low));
}

async function loaded(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}
