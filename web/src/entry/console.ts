// What every page of the console does: lives, alarms, obeys the keyboard.
import { live } from "../console/live.ts";

live();
