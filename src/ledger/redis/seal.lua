-- Ends an incarnation, whatever state it is in. KEYS[1] meta · ARGV incarnation
local sealed = tonumber(redis.call('HGET', KEYS[1], 'sealed') or 0)
if sealed < tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], 'sealed', ARGV[1]) end
return 'OK'
