-- Gives the acceptor its place in a cluster.
-- KEYS[1] standing; ARGV stamp, epoch, age, document.
local standing = redis.call('HMGET', KEYS[1], 'stamp', 'retired')
if standing[1] == ARGV[1] then return 1 end
if standing[1] then return redis.error_reply('NOTMEMBER it is another acceptor') end
if standing[2] then return redis.error_reply('NOTWIPED it has registers of an earlier life') end
redis.call('HSET', KEYS[1], 'stamp', ARGV[1], 'epoch', ARGV[2], 'told', ARGV[2], 'age', ARGV[3],
  'document', ARGV[4])
return 1
