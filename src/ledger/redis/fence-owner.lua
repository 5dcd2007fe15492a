-- Ends all lives of an owner before this one. KEYS[1] meta · ARGV incarnation, version, node id, epoch, owner, life
-- → done, version, head · late: a later life is there
local no = refusal()
if no then return no end
if not seated(ARGV[3], ARGV[4]) then return {'fenced'} end
local key, life = base .. 'owners:' .. ARGV[4], tonumber(ARGV[6])
local last = redis.call('HGET', key, ARGV[5])
local lastLife = last and struct.unpack('<d', last) or -1
if lastLife > life then return {'late'} end
if lastLife < life then
  redis.call('HSET', key, ARGV[5], struct.pack('<ddd', life, -1, head))
  changed()
end
return {'done', version, head}
