-- Tells the acceptor of an epoch and its document.
-- KEYS[1] standing; ARGV stamp, epoch, document.
local standing = redis.call('HMGET', KEYS[1], 'stamp', 'epoch', 'told')
if standing[1] ~= ARGV[1] then return redis.error_reply('NOTMEMBER not the acceptor that is meant') end
local epoch = tonumber(ARGV[2])
-- A round may have brought the epoch before its document came.
if epoch > tonumber(standing[2]) then redis.call('HSET', KEYS[1], 'epoch', ARGV[2]) end
if epoch >= tonumber(standing[3]) then
  redis.call('HSET', KEYS[1], 'told', ARGV[2], 'document', ARGV[3])
end
return 1
