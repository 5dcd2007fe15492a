-- Prelude of every script that works on an open incarnation.
--
-- All keys of a shard carry one hash tag, so they lie in one slot and a script may derive them from the first:
--
--   KEYS[1]  {doorbuster:<installation>:<shard>}:meta   hash: incarnation, version, server, sealed, head, epochs
--   base     {doorbuster:<installation>:<shard>}:<incarnation>:   and below it
--     nodes                 hash: node id -> "<epoch> <expires at, ms> <join id>"
--     holds:<node id>       set: pools ("<template>.<activity>") that the node has leased from in this seat
--     owners:<epoch>        hash: owner -> life, sequence, head, reply (commit.lua)
--     stream                claims; item <n>-0 ends before position n
--     t<template>:users     hash: user (8 bytes) -> 16 bytes a coupon, oldest first: serial, activity, key lo, key hi
--     p<pool>:pool          hash: units, free, leased, closed, thirsty
--     p<pool>:free          list of ranges (8 bytes each), next to be leased first
--     p<pool>:leases        hash: node id -> ranges, sorted
--     p<pool>:answers       hash: node id -> epoch, sequence and the answer to it (report.lua)
--     pools                 set of all pools
--
-- ARGV[1] incarnation, ARGV[2] the highest version the caller has seen.
local shard = string.sub(KEYS[1], 1, -5)
local base = shard .. ARGV[1] .. ':'
local head, version

-- Names the process that executes this and its reign: the run id changes with every start. The second replication id
-- is the one it followed as a replica before it was promoted: a master that was demoted and came back has another one
-- than before, and may have forgotten what it knew then.
local function serverId()
  local info = redis.call('INFO', 'server', 'replication')
  -- Plain searches: a pattern would take longer than all the rest of this check.
  local _, run = string.find(info, 'run_id:', 1, true)
  local _, reign = string.find(info, 'master_replid2:', run, true)
  return string.sub(info, run + 1, run + 40) .. string.sub(info, reign + 1, reign + 40)
end

-- A master that has had no replica for repl-backlog-ttl forgets whom it followed once; it has lost nothing by that.
local function isServer(known)
  local now = serverId()
  if known == now then return true end
  return known and string.sub(known, 1, 40) == string.sub(now, 1, 40) and string.sub(now, 41) == string.rep('0', 40)
end

-- What to answer when the incarnation is not the one the caller means, or nil. Nothing may be written before.
local function refusal()
  local meta = redis.call('HMGET', KEYS[1], 'incarnation', 'version', 'server', 'sealed', 'head')
  if not meta[1] then return {'lost', 'the shard is not there'} end
  if meta[1] ~= ARGV[1] then return {'lost', 'incarnation ' .. meta[1] .. ' is there'} end
  if meta[4] and tonumber(meta[4]) >= tonumber(ARGV[1]) then return {'lost', 'the incarnation is sealed'} end
  if not isServer(meta[3]) then return {'lost', 'the server was restarted or replaced'} end
  version, head = tonumber(meta[2]), tonumber(meta[5])
  if version < tonumber(ARGV[2]) then
    return {'lost', 'version ' .. meta[2] .. ' is older than ' .. ARGV[2]}
  end
  return nil
end

-- Every script that changes anything calls this once.
local function changed()
  version = redis.call('HINCRBY', KEYS[1], 'version', 1)
  return version
end

-- Whether this epoch is the node's present one.
local function seated(nodeId, epoch)
  local seat = redis.call('HGET', base .. 'nodes', nodeId)
  return seat and string.match(seat, '^%d+') == epoch
end

local function nowMs()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function notify(text)
  redis.call('PUBLISH', shard .. 'notices', text)
end

-- What to answer whoever wants to open an incarnation behind a later one, or nil. The series of the profile `single`
-- (SINGLE_INCARNATION_MIN in ports-ledger.ts) and that of a cluster do not compare.
local function staleness()
  local mine, highest = tonumber(ARGV[1]), 0
  local meta = redis.call('HMGET', KEYS[1], 'incarnation', 'sealed')
  for i = 1, 2 do
    local other = tonumber(meta[i] or 0)
    if (other >= 2 ^ 40) == (mine >= 2 ^ 40) and other > highest then highest = other end
  end
  if highest < mine then return nil end
  return redis.error_reply('STALE incarnation ' .. ARGV[1] .. ' comes after ' .. string.format('%.0f', highest))
end
