-- One owner's drain: decides its claims in order, in one step. KEYS[1] meta
-- ARGV[3] node id, [4] epoch, [5] owner, [6] life, [7] sequence, [8] low word of the time (4 bytes), then per group seven:
--   template, activity, limit of the pool, limit of the template,
--   claims: 16 bytes each: user, key (zero: none) · empty, or of each claim the coupons that limits do not count: 4 bytes,
--   13 bits of the pool and 13 of the template · units: 12 bytes each: serial, code and time as in an entry
-- → committed, version, head, 5 bytes a claim: kind, serial · late · fenced
--
-- Claims are cut and joined as strings and never become numbers. All checks come before the first change.
local no = refusal()
if no then return no end
local call = redis.call
local nodeId, epoch, timeLo = ARGV[3], ARGV[4], ARGV[8]
if not seated(nodeId, epoch) then return {'fenced'} end

local owners, owner = base .. 'owners:' .. epoch, ARGV[5]
local life, sequence = tonumber(ARGV[6]), tonumber(ARGV[7])
local last = call('HGET', owners, owner)
if last then
  local lastLife, lastSequence, lastHead = unpackBytes('<ddd', last)
  if life < lastLife then return {'late'} end
  if life == lastLife then
    if sequence < lastSequence then return {'late'} end
    if sequence == lastSequence then return {'committed', version, lastHead, sub(last, 25)} end
  end
end

local NO_KEY, NO_COUPON = string.rep('\0', 8), string.rep('\255', 4)
local AT_ONCE = 1000

-- One column of `count` rows of `size` bytes, from row `first` (0 …) on, cut in one call: a call a claim is too much.
local function column(format, blob, size, first, count)
  if count <= AT_ONCE then return { unpackBytes(string.rep(format, count), blob, first * size + 1) } end
  local values = {}
  for at = 0, count - 1, AT_ONCE do
    local some = math.min(AT_ONCE, count - at)
    local part = { unpackBytes(string.rep(format, some), blob, (first + at) * size + 1) }
    for i = 1, some do values[at + i] = part[i] end
  end
  return values
end

-- The lease without the first `count` of these units, or nil when they are not all in it. Units mostly come in runs.
local function afterSale(lease, serials, count)
  local froms, tos, runs = {}, {}, 0
  local isSorted = true
  for at = 1, count do
    local serial = serials[at]
    if tos[runs] == serial then tos[runs] = serial + 1
    else
      if runs > 0 and serial < tos[runs] then isSorted = false end
      runs = runs + 1
      froms[runs], tos[runs] = serial, serial + 1
    end
  end
  if not isSorted then
    local ends = {}
    for run = 1, runs do ends[froms[run]] = math.max(tos[run], ends[froms[run]] or 0) end
    table.sort(froms)
    for run = 1, runs do tos[run] = ends[froms[run]] end
  end
  return without(lease, froms, tos)
end

-- Several groups may be about one pool (an owner that runs several partitions): its lease is carried from one to the
-- next, `offered` without all that is offered, `lease` without what is sold.
local groups, leases, offeredLeases = {}, {}, {}
for arg = 9, #ARGV, 7 do
  local name = ARGV[arg] .. '.' .. ARGV[arg + 1]
  local key = base .. 'p' .. name
  local fields = call('HMGET', key .. ':pool', 'leased', 'closed', 'free', 'thirsty')
  local group = { arg = arg, name = name, key = key, fields = fields, offered = 0 }
  if fields[1] and fields[2] ~= '1' then
    group.offered = #ARGV[arg + 6] / 12
    group.serials = column('<I4xxxxxxxx', ARGV[arg + 6], 12, 0, group.offered)
    if not leases[name] then
      leases[name] = call('HGET', key .. ':leases', nodeId) or ''
      offeredLeases[name] = leases[name]
    end
    offeredLeases[name] = afterSale(offeredLeases[name], group.serials, group.offered)
    if not offeredLeases[name] then return {'fenced'} end
  end
  groups[#groups + 1] = group
end

local entries, entryParts = {}, 0
local reply, replyParts = {}, 0
local accepted = 0
for g = 1, #groups do
  local group = groups[g]
  local arg, offered = group.arg, group.offered
  local template, activity = pack('<I4', ARGV[arg]), pack('<I4', ARGV[arg + 1])
  local poolLimit, templateLimit = tonumber(ARGV[arg + 2]), tonumber(ARGV[arg + 3])
  local claims, spents, units = ARGV[arg + 4], ARGV[arg + 5], ARGV[arg + 6]
  local usersKey = base .. 't' .. ARGV[arg] .. ':users'
  local serials = column('c4xxxxxxxx', units, 12, 0, offered)
  local codes = column('xxxxc8', units, 12, 0, offered)
  local count, used = #claims / 16, 0
  for first = 0, count - 1, AT_ONCE do
    local some = math.min(AT_ONCE, count - first)
    local users = column('c8xxxxxxxx', claims, 16, first, some)
    local keys = column('xxxxxxxxc8', claims, 16, first, some)
    local spent = spents ~= '' and column('<I4', spents, 4, first, some)
    local held = call('HMGET', usersKey, unpack(users, 1, some))
    -- What users of this chunk hold by now: one may come twice.
    local now, fields, n = {}, {}, 0
    for i = 1, some do
      local user, key = users[i], keys[i]
      local list = now[user] or held[i]
      local kind, serial
      if list then
        local inPool, length, newest = 0, #list, nil
        for coupon = length - 15, 1, -16 do
          if sub(list, coupon + 4, coupon + 7) == activity then
            inPool = inPool + 1
            newest = newest or coupon
            if key ~= NO_KEY and sub(list, coupon + 8, coupon + 15) == key then
              kind, serial = '\2', sub(list, coupon, coupon + 3)
              break
            end
          end
        end
        if not kind then
          local all = length / 16
          if spent then
            inPool = inPool - spent[i] % 8192
            all = all - math.floor(spent[i] / 8192)
          end
          if poolLimit == 1 and inPool > 0 then kind, serial = '\2', sub(list, newest, newest + 3)
          elseif inPool >= poolLimit or all >= templateLimit then
            kind, serial = '\3', sub(list, length - 15, length - 12)
          end
        end
      end
      if not kind then
        if used < offered then
          used = used + 1
          kind, serial = '\1', serials[used]
          local coupon = serial .. activity .. key
          if list then coupon = list .. coupon end
          now[user] = coupon
          fields[n + 1], fields[n + 2] = user, coupon
          n = n + 2
          entries[entryParts + 1] = template
          entries[entryParts + 2] = serial
          entries[entryParts + 3] = user
          entries[entryParts + 4] = activity
          entries[entryParts + 5] = codes[used]
          entries[entryParts + 6] = timeLo
          entries[entryParts + 7] = key
          entryParts = entryParts + 7
        else
          kind, serial = '\4', list and sub(list, #list - 15, #list - 12) or NO_COUPON
        end
      end
      reply[replyParts + 1], reply[replyParts + 2] = kind, serial
      replyParts = replyParts + 2
    end
    if n > 0 then call('HSET', usersKey, unpack(fields, 1, n)) end
  end

  if used > 0 then
    accepted = accepted + used
    local left = afterSale(leases[group.name], group.serials, used)
    leases[group.name] = left
    if left == '' then call('HDEL', group.key .. ':leases', nodeId)
    else call('HSET', group.key .. ':leases', nodeId, left) end
    local leased = call('HINCRBY', group.key .. ':pool', 'leased', -used)
    if leased == 0 and group.fields[3] == '0' and group.fields[4] == '1' then
      call('HSET', group.key .. ':pool', 'thirsty', 0)
      notify('stock|' .. ARGV[arg] .. '|' .. ARGV[arg + 1])
    end
  end
end

reply = table.concat(reply)
head = head + accepted
call('HSET', owners, owner, pack('<ddd', life, sequence, head) .. reply)
if accepted > 0 then
  call('XADD', base .. 'stream', head .. '-0', 'e', table.concat(entries))
  call('HSET', KEYS[1], 'head', head)
  notify('head|' .. head)
end
return {'committed', changed(), head, reply}
