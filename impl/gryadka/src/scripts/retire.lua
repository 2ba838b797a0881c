-- Takes the acceptor's identity away. It is admitted again only after a wipe. Its copy of the configuration
-- stays, for those who look for the cluster here; but in epoch 0 there was no cluster yet.
-- KEYS[1] state; ARGV identity, epoch.
local state = redis.call('HMGET', KEYS[1], 'identity', 'epoch', 'config')
if not state[1] then return 1 end
if state[1] ~= ARGV[1] then return redis.error_reply('NOTMEMBER it is another acceptor') end
if tonumber(state[2]) > tonumber(ARGV[2]) then
  return redis.error_reply('FENCED ' .. state[2])
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'retired', ARGV[1], 'config', state[2] == '0' and '' or state[3] or '')
return 1
