// Positions as the console writes them; the node reads what people write (parley.geo.coordinates).

const two = (n: number, width: number): string => String(n).padStart(width, "0");

function minutes(value: number, letters: string, width: number): string {
  const thousandths = Math.round(Math.abs(value) * 60_000);
  const degrees = Math.floor(thousandths / 60_000);
  const rest = ((thousandths % 60_000) / 1000).toFixed(3).padStart(6, "0");
  return `${two(degrees, width)}-${rest}${letters[value < 0 ? 1 : 0] ?? ""}`;
}

/** ``36-43.086N 068-51.757E``, as notices to mariners have it. */
export function position(lon: number, lat: number): string {
  const east = ((((lon + 180) % 360) + 360) % 360) - 180;
  return `${minutes(lat, "NS", 2)} ${minutes(east, "EW", 3)}`;
}

const RADIUS_M = 6_371_008.8;

/** Metres between two places on the mean sphere; half a per cent off at most. For a radius while it is drawn. */
export function distance(a: readonly [number, number], b: readonly [number, number]): number {
  const rad = Math.PI / 180;
  const [dlat, dlon] = [(b[1] - a[1]) * rad, (b[0] - a[0]) * rad];
  const h = Math.sin(dlat / 2) ** 2 + Math.cos(a[1] * rad) * Math.cos(b[1] * rad) * Math.sin(dlon / 2) ** 2;
  return 2 * RADIUS_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** ``850 m``, ``12.4 km``. */
export function length(metres: number): string {
  return metres < 1000 ? `${Math.round(metres)} m` : `${(metres / 1000).toFixed(metres < 100_000 ? 1 : 0)} km`;
}
