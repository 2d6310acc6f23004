// Before and after with a draggable divider; the picture can be panned and zoomed.

const STEP = 1.25;
const MAX_ZOOM = 32;

export class Viewer {
  #stage = document.querySelector("#stage");
  #divider = document.querySelector("#divider");
  #percent = document.querySelector("#percent");
  #layers = {
    before: document.querySelector("#before img"),
    after: document.querySelector("#after img"),
  };
  #width = 0; // of the upscaled picture, in its pixels
  #height = 0;
  #zoom = 1; // CSS pixels per pixel
  #x = 0; // its corner on the stage
  #y = 0;
  #fits = true;
  #split = 50;
  #pointers = new Map();

  constructor() {
    this.#listenToPointers();
    this.#listenToKeys();
    for (const button of document.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => this.#press(button.dataset.zoom));
    }
    new ResizeObserver(() => this.#settle()).observe(this.#stage);
    for (const image of Object.values(this.#layers)) image.addEventListener("load", () => this.#draw());
  }

  /** Start with a picture of this size, in pixels of the upscaled one. */
  open(width, height) {
    [this.#width, this.#height, this.#fits] = [width, height, true];
    this.#settle();
  }

  /** Show two images, or only one if the other is missing. */
  show({ before, after, beforeName, afterName, pixels }) {
    this.#set("before", before);
    this.#set("after", after);
    this.#layers.before.classList.toggle("raw", pixels);
    this.#stage.classList.toggle("compared", Boolean(before && after));
    document.querySelector("#before-name").textContent = before ? beforeName : "";
    document.querySelector("#after-name").textContent = after ? afterName : "";
    this.#draw();
  }

  #set(side, address) {
    const image = this.#layers[side];
    image.hidden = !address;
    if (address && image.getAttribute("src") !== address) image.src = address;
    if (!address) image.removeAttribute("src");
  }

  #settle() {
    if (this.#fits) this.#fit();
    else this.#draw();
  }

  #fit() {
    const { clientWidth, clientHeight } = this.#stage;
    if (!this.#width || !clientWidth) return;
    const whole = Math.min(clientWidth / this.#width, clientHeight / this.#height);
    this.#zoom = Math.min(whole, Math.max(1, Math.floor(whole)));
    this.#x = (clientWidth - this.#zoom * this.#width) / 2;
    this.#y = (clientHeight - this.#zoom * this.#height) / 2;
    this.#fits = true;
    this.#draw();
  }

  /** Zoom around a point of the stage. */
  #zoomTo(zoom, x = this.#stage.clientWidth / 2, y = this.#stage.clientHeight / 2) {
    const least = Math.min(this.#stage.clientWidth / this.#width, 1) / 4;
    zoom = Math.min(Math.max(zoom, least), MAX_ZOOM);
    this.#x = x - (x - this.#x) * (zoom / this.#zoom);
    this.#y = y - (y - this.#y) * (zoom / this.#zoom);
    this.#zoom = zoom;
    this.#fits = false;
    this.#draw();
  }

  #move(x, y) {
    this.#x += x;
    this.#y += y;
    this.#fits = false;
    this.#draw();
  }

  #draw() {
    // At least 48 CSS pixels of the picture stay on the stage.
    const { clientWidth, clientHeight } = this.#stage;
    this.#x = Math.min(Math.max(this.#x, 48 - this.#zoom * this.#width), clientWidth - 48);
    this.#y = Math.min(Math.max(this.#y, 48 - this.#zoom * this.#height), clientHeight - 48);
    for (const image of Object.values(this.#layers)) {
      // The element has the upscaled size, whatever the size of the image in it.
      image.style.width = `${this.#zoom * this.#width}px`;
      image.style.height = `${this.#zoom * this.#height}px`;
      image.style.transform = `translate(${Math.round(this.#x)}px, ${Math.round(this.#y)}px)`;
      const magnified = this.#zoom * devicePixelRatio > 1.5;
      image.classList.toggle("pixels", magnified || image.classList.contains("raw"));
    }
    this.#percent.value = `${Math.round(100 * this.#zoom * devicePixelRatio)} %`;
    this.#stage.style.setProperty("--split", `${this.#split}%`);
    this.#divider.setAttribute("aria-valuenow", Math.round(this.#split));
    this.#divider.setAttribute("aria-valuetext", `${Math.round(this.#split)} % before`);
  }

  #press(what) {
    if (what === "fit") this.#fit();
    else if (what === "true") this.#zoomTo(1 / devicePixelRatio);
    else this.#zoomTo(this.#zoom * (what === "in" ? STEP : 1 / STEP));
  }

  #splitAt(percent) {
    this.#split = Math.min(Math.max(percent, 0), 100);
    this.#draw();
  }

  #listenToPointers() {
    const dividing = (event) => {
      const box = this.#stage.getBoundingClientRect();
      this.#splitAt((100 * (event.clientX - box.left)) / box.width);
    };
    this.#divider.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      this.#divider.setPointerCapture(event.pointerId);
      dividing(event);
    });
    this.#divider.addEventListener("pointermove", (event) => {
      if (this.#divider.hasPointerCapture(event.pointerId)) dividing(event);
    });

    const pointers = this.#pointers;
    this.#stage.addEventListener("pointerdown", (event) => {
      this.#stage.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, event);
    });
    this.#stage.addEventListener("pointermove", (event) => {
      const last = pointers.get(event.pointerId);
      if (!last) return;
      const other = [...pointers.values()].find((one) => one.pointerId !== event.pointerId);
      pointers.set(event.pointerId, event);
      if (other) this.#pinch(last, event, other);
      else this.#move(event.clientX - last.clientX, event.clientY - last.clientY);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      this.#stage.addEventListener(end, (event) => pointers.delete(event.pointerId));
    }
    this.#stage.addEventListener("dblclick", () => (this.#fits ? this.#press("true") : this.#fit()));
    this.#stage.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const box = this.#stage.getBoundingClientRect();
        const zoom = this.#zoom * Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015));
        this.#zoomTo(zoom, event.clientX - box.left, event.clientY - box.top);
      },
      { passive: false },
    );
  }

  #pinch(last, now, other) {
    const box = this.#stage.getBoundingClientRect();
    const distance = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    const x = (now.clientX + other.clientX) / 2 - box.left;
    const y = (now.clientY + other.clientY) / 2 - box.top;
    this.#move((now.clientX - last.clientX) / 2, (now.clientY - last.clientY) / 2);
    this.#zoomTo((this.#zoom * distance(now)) / Math.max(distance(last), 1), x, y);
  }

  #listenToKeys() {
    this.#divider.addEventListener("keydown", (event) => {
      const step = event.shiftKey ? 10 : 2;
      const to = {
        ArrowLeft: this.#split - step,
        ArrowDown: this.#split - step,
        ArrowRight: this.#split + step,
        ArrowUp: this.#split + step,
        PageDown: this.#split - 20,
        PageUp: this.#split + 20,
        Home: 0,
        End: 100,
      }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.#splitAt(to);
    });
    this.#stage.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const act = {
        "+": () => this.#press("in"),
        "=": () => this.#press("in"),
        "-": () => this.#press("out"),
        0: () => this.#fit(),
        1: () => this.#press("true"),
        ArrowLeft: () => this.#move(40, 0),
        ArrowRight: () => this.#move(-40, 0),
        ArrowUp: () => this.#move(0, 40),
        ArrowDown: () => this.#move(0, -40),
      }[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
  }
}
