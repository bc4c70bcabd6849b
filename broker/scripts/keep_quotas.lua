#!lua flags=allow-oom
-- Make these all the quotas there are.
-- ARGV: pairs: '<project>|<type>', '<day>|<month>|<minute>', empty where there is no bound
redis.call('DEL', 'quotas')
for i = 1, #ARGV, 2 do
  redis.call('HSET', 'quotas', ARGV[i], ARGV[i + 1])
end
return #ARGV / 2
