"""Seeded mutations of valid updates: what a broken, old, hostile or clumsy gateway might send.

Half of them are signed and summed afresh after the change, so that they get past the checks at the
door and reach the code behind it.
"""

import random
import struct

import mobility as mh


def mutated(count, seed, gateway, node_of):
    """`count` pairs of (packet, whether to compute its checksum), always the same for a seed but
    for the timestamps."""
    rng = random.Random(seed)
    for _ in range(count):
        node = node_of(f"victim{rng.randrange(40)}")
        lifetime = rng.choice([75, 75, 75, 0, 1, 65535])
        handoff = rng.choice([0, 1, 2, 3, 4, 5, 6, 255])
        options = node.options(handoff)
        if rng.random() < 0.5:
            yield behind_the_door(rng, gateway, options, lifetime), True
        else:
            yield at_the_door(rng, gateway.update(options, lifetime)), rng.random() < 0.7


def behind_the_door(rng, gateway, options, lifetime):
    """Changes options and fields, then signs: the bytes are honest about what they say."""
    flags = mh.FLAG_A | mh.FLAG_P
    for _ in range(rng.randint(1, 3)):
        change = rng.randrange(8)
        at = rng.randrange(len(options)) if options else 0
        if change == 0 and options:  # a bit of an option's body
            options[at] = flip(rng, options[at], 2)
        elif change == 1 and options:  # a length that lies
            lying = options[at]
            options[at] = lying[:1] + bytes([rng.randrange(256)]) + lying[2:]
        elif change == 2 and options:  # a body of another length, honestly labelled
            options[at] = mh.option(options[at][0], rng.randbytes(rng.choice([0, 1, 3, 17, 40, 200])))
        elif change == 3 and options:
            options.pop(at)
        elif change == 4 and options:
            options.append(options[at])
        elif change == 5:
            rng.shuffle(options)
        elif change == 6:  # an option of any kind
            options.append(mh.option(rng.randrange(256), rng.randbytes(rng.randrange(24))))
        else:
            flags ^= 1 << rng.randrange(16)
    packet = gateway.update(options, lifetime, flags)
    return packet if len(packet) <= 2048 else packet[:2048]


def at_the_door(rng, packet):
    """Changes the bytes of a signed update: the authenticator no longer fits."""
    change = rng.randrange(6)
    if change == 0:
        for _ in range(rng.randint(1, 8)):
            packet = flip(rng, packet, 0)
        return packet
    if change == 1:
        return packet[: rng.randrange(4, len(packet))]  # Linux sends no fewer on its raw socket
    if change == 2:
        return packet + rng.randbytes(rng.randrange(1, 64))
    if change == 3:  # a header length that lies
        return packet[:1] + bytes([rng.randrange(256)]) + packet[2:]
    if change == 4:  # another message with these options
        return packet[:2] + bytes([rng.randrange(32)]) + packet[3:]
    head = struct.pack("!BBBBH", mh.NO_NEXT_HEADER, rng.randrange(32), mh.BINDING_UPDATE, 0, 0)
    return head + rng.randbytes(rng.randrange(256))


def flip(rng, packet, start):
    if len(packet) <= start:
        return packet
    at = rng.randrange(start, len(packet))
    return packet[:at] + bytes([packet[at] ^ (1 << rng.randrange(8))]) + packet[at + 1 :]
