-- Tells the acceptor of an epoch and its configuration.
-- KEYS[1] state; ARGV identity, epoch, configuration.
local state = redis.call('HMGET', KEYS[1], 'identity', 'epoch', 'config_epoch')
if state[1] ~= ARGV[1] then return redis.error_reply('NOTMEMBER not the acceptor that is meant') end
local epoch = tonumber(ARGV[2])
-- A round may have brought the epoch before its configuration came.
if epoch > tonumber(state[2]) then redis.call('HSET', KEYS[1], 'epoch', ARGV[2]) end
if epoch >= tonumber(state[3]) then
  redis.call('HSET', KEYS[1], 'config_epoch', ARGV[2], 'config', ARGV[3])
end
return 1
