#!lua
-- Count events as accepted that come with their fate and pass no queue, each once.
-- ARGV: seconds a key is remembered, then triples: key of the event, ledger key, field
-- Returns how many were not counted before
local counted = 0
for i = 2, #ARGV, 3 do
  if redis.call('SET', ARGV[i], 1, 'NX', 'EX', ARGV[1]) then
    redis.call('HINCRBY', ARGV[i + 1], ARGV[i + 2], 1)
    redis.call('HINCRBY', 'totals', 'accepted', 1)
    counted = counted + 1
  end
end
return counted
