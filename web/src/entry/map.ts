import { forSphere } from "../map/winding.ts";

export { forSphere };
