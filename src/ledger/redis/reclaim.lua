-- Ends the seats whose time has passed. KEYS[1] meta · ARGV incarnation, version
-- → reclaimed, version, node ids, head
local no = refusal()
if no then return no end
local now, ended = nowMs(), {}
local seats = redis.call('HGETALL', base .. 'nodes')
for i = 1, #seats, 2 do
  if tonumber(string.match(seats[i + 1], '^%d+ (%d+)')) <= now then ended[#ended + 1] = seats[i] end
end
table.sort(ended)
for i = 1, #ended do
  endSeat(ended[i], string.match(redis.call('HGET', base .. 'nodes', ended[i]), '^%d+'))
end
if #ended > 0 then changed() end
return {'reclaimed', version, ended, head}
