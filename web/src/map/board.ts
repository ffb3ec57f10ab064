// A map one can move about on, with the pointer, with fingers and with the keyboard.
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import type { MultiPolygon, Polygon } from "geojson";
import { colours, draw } from "./draw.ts";
import type { Colours, Scene } from "./draw.ts";
import { moved, projection, zoomed } from "./view.ts";
import type { Kind, View } from "./view.ts";

const DETAIL = 900;
/** Pixels of radius from which the finer coast line is worth its bytes. */
const CLICK_PX = 5;
const NUDGE_PX = 60;

async function coast(name: string): Promise<MultiPolygon | Polygon> {
  const answer = await fetch(`/static/${name}`);
  const topology = (await answer.json()) as Topology<{ land: GeometryCollection }>;
  const land = feature(topology, topology.objects.land) as unknown;
  const all = land as { features?: { geometry: MultiPolygon }[]; geometry?: MultiPolygon };
  const found = all.features?.[0]?.geometry ?? all.geometry;
  if (found === undefined) throw new Error(`${name} has no land`);
  return found;
}

export class Board {
  readonly canvas: HTMLCanvasElement;
  view: View;
  scene: Scene;
  onClick: (x: number, y: number) => void = () => undefined;
  onMove: () => void = () => undefined;
  /** Milliseconds that the last drawing took. */
  took = 0;
  #use: Colours;
  #asked = 0;
  #coarse: MultiPolygon | Polygon | null = null;
  #fine: MultiPolygon | Polygon | null = null;
  #fetching = false;

  constructor(canvas: HTMLCanvasElement, view: View, scene: Scene) {
    this.canvas = canvas;
    this.view = view;
    this.scene = scene;
    this.#use = colours(canvas);
    this.#listen();
    void coast("land-110m.json").then((land) => {
      this.#coarse = land;
      this.redraw();
    });
    new ResizeObserver(() => this.redraw()).observe(canvas);
  }

  /** Draws before the next frame. */
  redraw(): void {
    if (this.#asked === 0)
      this.#asked = requestAnimationFrame(() => {
        this.#asked = 0;
        this.paint();
      });
  }

  /** Draws at once. */
  paint(moving = this.#pointers.size > 0): void {
    const begun = performance.now();
    if (this.view.scale > DETAIL && this.#fine === null && !this.#fetching) {
      this.#fetching = true;
      void coast("land-50m.json").then((land) => {
        this.#fine = land;
        this.redraw();
      });
    }
    const land = !moving && this.view.scale > DETAIL && this.#fine !== null ? this.#fine : this.#coarse;
    draw(this.canvas, this.view, { ...this.scene, land }, this.#use, moving);
    this.took = performance.now() - begun;
    this.canvas.dataset["drawn"] = String(Number(this.canvas.dataset["drawn"] ?? "0") + 1);
  }

  recolour(): void {
    this.#use = colours(this.canvas);
    this.redraw();
  }

  look(view: View): void {
    this.view = view;
    this.onMove();
    this.redraw();
  }

  kind(kind: Kind): void {
    const half = Math.min(this.canvas.clientWidth, this.canvas.clientHeight) / 2;
    const polar = kind === "north" ? 90 : -90;
    if (kind === "globe") this.look({ ...this.view, kind, scale: Math.max(this.view.scale, half * 0.95) });
    else if (kind === "flat") this.look({ kind, lon: this.view.lon, lat: 0, scale: this.canvas.clientWidth / (2 * Math.PI) });
    else this.look({ kind, lon: 0, lat: polar, scale: half * 1.6 });
  }

  zoom(factor: number): void {
    this.look(zoomed(this.view, factor, this.canvas.clientWidth, this.canvas.clientHeight));
  }

  pan(dx: number, dy: number): void {
    this.look(moved(this.view, dx, dy, this.canvas.clientWidth, this.canvas.clientHeight));
  }

  /** Longitude and latitude at a pixel of the canvas; null beside the globe. */
  place(x: number, y: number): [number, number] | null {
    const project = projection(this.view, this.canvas.clientWidth, this.canvas.clientHeight);
    const at = project.invert?.([x, y]);
    if (!at || !Number.isFinite(at[0]) || !Number.isFinite(at[1])) return null;
    const back = project(at);
    return back && Math.hypot(back[0] - x, back[1] - y) < 2 ? at : null;
  }

  readonly #pointers = new Map<number, [number, number]>();

  #listen(): void {
    const { canvas } = this;
    let travelled = 0;
    let spread = 0;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
      travelled = 0;
      spread = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = this.#pointers.get(event.pointerId);
      if (before === undefined) return;
      const [dx, dy] = [event.offsetX - before[0], event.offsetY - before[1]];
      this.#pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
      travelled += Math.hypot(dx, dy);
      if (this.#pointers.size === 1) {
        if (travelled > CLICK_PX) this.pan(dx, dy);
        return;
      }
      const [a, b] = [...this.#pointers.values()];
      if (a === undefined || b === undefined) return;
      const now = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (spread > 0) this.zoom(now / spread);
      spread = now;
    });
    const up = (event: PointerEvent): void => {
      const was = this.#pointers.delete(event.pointerId);
      if (was && event.type === "pointerup" && travelled <= CLICK_PX) this.onClick(event.offsetX, event.offsetY);
      this.redraw();
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.zoom(Math.exp(-event.deltaY / 400));
      },
      { passive: false },
    );
    canvas.addEventListener("keydown", (event) => {
      const ways: Record<string, () => void> = {
        ArrowLeft: () => this.pan(NUDGE_PX, 0), ArrowRight: () => this.pan(-NUDGE_PX, 0),
        ArrowUp: () => this.pan(0, NUDGE_PX), ArrowDown: () => this.pan(0, -NUDGE_PX),
        "+": () => this.zoom(1.5), "=": () => this.zoom(1.5), "-": () => this.zoom(1 / 1.5),
      };
      const way = ways[event.key];
      if (way === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      way();
    });
  }
}
