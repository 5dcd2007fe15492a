-- A wallet's generation, and one value of it.
--
--   KEYS[1]  doorbuster:<installation>:wallet:<owner>   hash: generation -> "<server> <generation>", field -> value;
--            or, while changes are announced, change <name> -> ms since the epoch after which it cannot come any more
--   ARGV     field, the generation the caller has or '', a generation never used before, life of a new one in ms
--
-- -> generation, value or nil. The value only when the caller has another generation. nil, nil while a change is
-- announced. A server that was restarted or replaced may have forgotten that a generation was ended, so those it did not
-- name itself are over.
local info = redis.call('INFO', 'server', 'replication')
local _, run = string.find(info, 'run_id:', 1, true)
local _, reign = string.find(info, 'master_replid2:', run, true)
local server = string.sub(info, run + 1, run + 40) .. string.sub(info, reign + 1, reign + 40)

local generation = redis.call('HGET', KEYS[1], 'generation')
if not generation then
  local changes = redis.call('HVALS', KEYS[1])
  if #changes > 0 then
    local time = redis.call('TIME')
    local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
    for _, untilMs in ipairs(changes) do
      if tonumber(untilMs) > nowMs then return {false, false} end
    end
  end
end
if not generation or string.sub(generation, 1, #server) ~= server then
  generation = server .. ' ' .. ARGV[3]
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'generation', generation)
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return {generation, false}
end
if generation == ARGV[2] then return {generation, false} end
return {generation, redis.call('HGET', KEYS[1], ARGV[1])}
