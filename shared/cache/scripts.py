"""What changes the cache: five scripts, and nothing else.

Each compares a watermark, byte for byte, with what its caller saw, and does nothing if that is no longer
there. So any number of projectors may run, and a script that comes late or twice does no harm. All keys of a
script are declared, and all of one brand. Those that give memory back run on a full server, too.

KEYS and ARGV stand above each; `name` of a generation is what `layout.generation_name` says.
"""

from hashlib import sha1
from typing import Final

from shared.cache.layout import VERSION

# Finds the generation's name within a watermark; the counterpart of `Watermark.encode`.
_PATTERN: Final = rb"'^%b [SU] %%d+ %%S+ (%%x+%%.%%d+) '" % VERSION


class Script:
    """A Lua text, and the name by which a server remembers it."""

    def __init__(self, body: bytes, *, on_a_full_server: bool = False) -> None:
        flags = b" flags=allow-oom" if on_a_full_server else b""
        self.text: Final = b"#!lua%b\n%b" % (flags, body.replace(b"PATTERN", _PATTERN))
        self.sha: Final = sha1(self.text, usedforsecurity=False).hexdigest()


# KEYS: watermark, buckets. ARGV: expected, new, two counts for each bucket (fields to set, fields to remove;
# 16 bits each, the higher byte first), then for each bucket these fields, those to set each with its value.
WRITE_PAGE: Final = Script(
    rb"""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local at = 4
for n = 2, #KEYS do
    local a, b, c, d = string.byte(ARGV[3], 4 * n - 7, 4 * n - 4)
    local set, gone = 2 * (256 * a + b), 256 * c + d
    if set > 0 then redis.call('HSET', KEYS[n], unpack(ARGV, at, at + set - 1)) end
    at = at + set
    if gone > 0 then redis.call('HDEL', KEYS[n], unpack(ARGV, at, at + gone - 1)) end
    at = at + gone
end
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""
)

# KEYS: n, g. ARGV: expected n or '', new n.
BEGIN: Final = Script(
    rb"""
local old = redis.call('GET', KEYS[1])
if (old or '') ~= ARGV[1] then return 0 end
local name = old and string.match(old, PATTERN)
if name then redis.call('SADD', KEYS[2], name) end
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""
)

# KEYS: n, w, g. ARGV: expected n, what stays there.
# n never holds the same twice, not even nothing: a BEGIN that comes again must not find what it saw before.
PROMOTE: Final = Script(
    rb"""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local old = redis.call('GET', KEYS[2])
local name = old and string.match(old, PATTERN)
if name then redis.call('SADD', KEYS[3], name) end
redis.call('SET', KEYS[2], ARGV[1])
redis.call('SET', KEYS[1], ARGV[2])
return 1
""",
    on_a_full_server=True,
)

# KEYS: w, g. ARGV: expected w.
FORGET: Final = Script(
    rb"""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local name = string.match(ARGV[1], PATTERN)
if name then redis.call('SADD', KEYS[2], name) end
redis.call('DEL', KEYS[1])
return 1
""",
    on_a_full_server=True,
)

# KEYS: n, w, g, buckets. ARGV: name, '1' if these are the generation's last buckets.
CLEAN: Final = Script(
    rb"""
if redis.call('SISMEMBER', KEYS[3], ARGV[1]) == 0 then return -1 end
for n = 1, 2 do
    local held = redis.call('GET', KEYS[n])
    if held and string.match(held, PATTERN) == ARGV[1] then return -1 end
end
local removed = redis.call('UNLINK', unpack(KEYS, 4))
if ARGV[2] == '1' then redis.call('SREM', KEYS[3], ARGV[1]) end
return removed
""",
    on_a_full_server=True,
)
