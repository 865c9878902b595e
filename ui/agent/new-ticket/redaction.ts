// The geometry of redaction: areas in the picture's pixels, whatever size it is shown at.

import type { Area } from '../../shared/gen/Area';

export interface Size {
  width: number;
  height: number;
}

/** The area between two points of the shown picture, in its own pixels and within it. */
export function between(from: [number, number], to: [number, number], shown: Size, picture: Size): Area {
  const [left, right] = span(from[0], to[0], shown.width, picture.width);
  const [top, bottom] = span(from[1], to[1], shown.height, picture.height);
  return within({ x: left, y: top, width: right - left, height: bottom - top }, picture);
}

/** The pixels between two places on one side of the picture; one that is touched is covered. */
function span(from: number, to: number, shown: number, pixels: number): [number, number] {
  const pixel = (place: number) => (Math.min(Math.max(0, place), shown) * pixels) / shown;
  return [Math.floor(pixel(Math.min(from, to))), Math.ceil(pixel(Math.max(from, to)))];
}

/** The part of an area that lies in the picture; at least one pixel of it. */
export function within(area: Area, picture: Size): Area {
  const x = Math.min(Math.max(0, area.x), picture.width - 1);
  const y = Math.min(Math.max(0, area.y), picture.height - 1);
  const width = Math.max(1, Math.min(area.width, picture.width - x));
  const height = Math.max(1, Math.min(area.height, picture.height - y));
  return { x, y, width, height };
}

/** What an arrow key does: it moves an area, and with Shift it changes its size. */
export function moved(area: Area, key: string, resize: boolean, picture: Size): Area {
  const step = Math.max(1, Math.round(picture.width / 100));
  const by: Record<string, [number, number]> = {
    ArrowLeft: [-step, 0],
    ArrowRight: [step, 0],
    ArrowUp: [0, -step],
    ArrowDown: [0, step],
  };
  const [dx, dy] = by[key] ?? [0, 0];
  if (resize) {
    return within({ ...area, width: Math.max(step, area.width + dx), height: Math.max(step, area.height + dy) }, picture);
  }
  const x = Math.min(Math.max(0, area.x + dx), picture.width - area.width);
  const y = Math.min(Math.max(0, area.y + dy), picture.height - area.height);
  return { ...area, x, y };
}

/** A first area for somebody without a pointer: in the middle, a third wide. */
export function first(picture: Size): Area {
  const width = Math.round(picture.width / 3);
  const height = Math.round(picture.height / 8);
  return within(
    { x: Math.round((picture.width - width) / 2), y: Math.round((picture.height - height) / 2), width, height },
    picture,
  );
}
