-- Appends events, unless the stream does not end where the caller believes.
-- KEYS[1] the stream. ARGV: the position at its end ('' where it has none), about how many entries it keeps, and for each
-- event how many texts it has and these: names and values in turns.
-- Only the last entry of a call carries a position, and a call is one whole, in the append-only file too.
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local position = ''
if last then
  local fields = last[2]
  for i = 1, #fields, 2 do
    if fields[i] == 'position' then position = fields[i + 1] end
  end
end
if position ~= ARGV[1] then return 0 end
local at = 3
while at <= #ARGV do
  local count = tonumber(ARGV[at])
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', unpack(ARGV, at + 1, at + count))
  at = at + count + 1
end
return 1
