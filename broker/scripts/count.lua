#!lua flags=allow-oom
-- Add to running counters.
-- ARGV: pairs: name, amount
for i = 1, #ARGV, 2 do
  redis.call('HINCRBY', 'totals', ARGV[i], ARGV[i + 1])
end
return #ARGV / 2
