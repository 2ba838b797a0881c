-- Takes the acceptor's place away. It gets another one only after a wipe. Its document stays, for
-- those who look for the others here.
-- KEYS[1] standing; ARGV stamp, epoch.
local standing = redis.call('HMGET', KEYS[1], 'stamp', 'epoch')
if not standing[1] then return 1 end
if standing[1] ~= ARGV[1] then return redis.error_reply('NOTMEMBER it is another acceptor') end
if tonumber(standing[2]) > tonumber(ARGV[2]) then
  return redis.error_reply('FENCED ' .. standing[2])
end
local document = redis.call('HGET', KEYS[1], 'document')
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'retired', ARGV[1], 'document', document or '')
return 1
