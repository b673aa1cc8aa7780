#!/usr/bin/env python3
"""Draws the app's icons: a gauge that reads as a C, white on petrol. Standard library only.

Run it in this folder after changing the mark; the files it writes are checked in.
"""
import math
import struct
import zlib

PETROL = (0x00, 0x56, 0x6B)
WHITE = (0xFF, 0xFF, 0xFF)
# The mark's own grid, 34 wide: the ring, its opening to the right, the needle and its hub.
CENTRE, RING, STROKE = 17.0, 12.0, 3.6
OPENING = math.atan2(7.6, 9.2)
NEEDLE, NEEDLE_STROKE, HUB = (23.2, 13.4), 3.0, 2.6


def to_segment(x, y, ax, ay, bx, by):
    dx, dy = bx - ax, by - ay
    t = max(0.0, min(1.0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)))
    return math.hypot(x - ax - t * dx, y - ay - t * dy)


def to_mark(x, y):
    """Distance to the mark's edge on its grid; negative inside."""
    dx, dy = x - CENTRE, y - CENTRE
    if abs(math.atan2(dy, dx)) >= OPENING:
        ring = abs(math.hypot(dx, dy) - RING)
    else:
        ex, ey = RING * math.cos(OPENING), RING * math.sin(OPENING)
        ring = math.hypot(dx - ex, abs(dy) - ey)
    needle = to_segment(x, y, CENTRE, CENTRE, *NEEDLE)
    return min(ring - STROKE / 2, needle - NEEDLE_STROKE / 2, math.hypot(dx, dy) - HUB)


def to_tile(x, y, size, radius):
    qx, qy = abs(x - size / 2) - size / 2 + radius, abs(y - size / 2) - size / 2 + radius
    return math.hypot(max(qx, 0), max(qy, 0)) + min(max(qx, qy), 0) - radius


def cover(distance):
    return max(0.0, min(1.0, 0.5 - distance))


def png(size):
    scale = size * 0.78 / 34
    offset = size * 0.11
    rows = bytearray()
    for row in range(size):
        rows.append(0)
        for column in range(size):
            x, y = column + 0.5, row + 0.5
            mark = cover(to_mark((x - offset) / scale, (y - offset) / scale) * scale)
            tile = cover(to_tile(x, y, size, size * 0.2))
            rows += bytes(round(p + (w - p) * mark) for p, w in zip(PETROL, WHITE))
            rows.append(round(255 * tile))

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(rows), 9))
        + chunk(b"IEND", b"")
    )


def ico(pictures):
    head = struct.pack("<HHH", 0, 1, len(pictures))
    offset = len(head) + 16 * len(pictures)
    entries, bodies = b"", b""
    for size, body in pictures:
        entries += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32, len(body), offset + len(bodies))
        bodies += body
    return head + entries + bodies


def icns(pictures):
    body = b"".join(kind + struct.pack(">I", 8 + len(data)) + data for kind, data in pictures)
    return b"icns" + struct.pack(">I", 8 + len(body)) + body


def main():
    drawn = {size: png(size) for size in (16, 32, 48, 128, 256, 512)}
    files = {
        "32x32.png": drawn[32],
        "128x128.png": drawn[128],
        "128x128@2x.png": drawn[256],
        "icon.png": drawn[512],
        "icon.ico": ico([(size, drawn[size]) for size in (32, 16, 48, 256)]),
        "icon.icns": icns([(b"ic07", drawn[128]), (b"ic08", drawn[256]), (b"ic09", drawn[512])]),
    }
    for name, body in files.items():
        with open(name, "wb") as file:
            file.write(body)


if __name__ == "__main__":
    main()
