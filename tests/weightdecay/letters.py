"""Read points from letters, as ``sliders.js`` does."""

from weightdecay.moving import SIDE


def points_of(letters):
    """Return points as parts of their axes."""
    numbers, value, shift = [0, 0], 0, 0
    for letter in letters:
        digit = ord(letter) - 63
        value += (digit & 31) << shift
        shift += 5
        if digit < 32:
            numbers.append(numbers[-2] + (-(value >> 1) if value & 1 else value >> 1))
            value = shift = 0
    parts = [number / SIDE for number in numbers[2:]]
    return list(zip(parts[::2], parts[1::2], strict=True))
