-- Accepts a value under a ballot and promises the next one, or answers the ballots that stand
-- against it.
-- KEYS[1] register; ARGV[1] counter, ARGV[2] proposer of the ballot; ARGV[3] counter, ARGV[4]
-- proposer of the ballot to promise; ARGV[5] value, absent to empty the register.
local held = redis.call('HMGET', KEYS[1], 'pc', 'pp', 'ac', 'ap')
local counter, proposer = tonumber(ARGV[1]), tonumber(ARGV[2])
local pc, pp = tonumber(held[1] or 0), tonumber(held[2] or 0)
local ac, ap = tonumber(held[3] or 0), tonumber(held[4] or 0)
if pc > counter or (pc == counter and pp > proposer)
  or ac > counter or (ac == counter and ap >= proposer) then
  return {0, pc, pp, ac, ap}
end
if ARGV[5] then
  redis.call('HSET', KEYS[1], 'pc', ARGV[3], 'pp', ARGV[4], 'ac', ARGV[1], 'ap', ARGV[2],
    'v', ARGV[5])
else
  redis.call('HSET', KEYS[1], 'pc', ARGV[3], 'pp', ARGV[4], 'ac', ARGV[1], 'ap', ARGV[2])
  redis.call('HDEL', KEYS[1], 'v')
end
return {1}
