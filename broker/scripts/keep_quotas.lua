#!lua flags=allow-oom
-- Make these all the quotas there are, and let what was used be forgotten one day.
-- ARGV: key of what was used in the day, seconds it is kept, the same of the month, then pairs:
-- '<project>|<type>', '<day>|<month>|<minute>', empty where there is no bound
redis.call('EXPIRE', ARGV[1], ARGV[2])
redis.call('EXPIRE', ARGV[3], ARGV[4])
redis.call('DEL', 'quotas')
for i = 5, #ARGV, 2 do
  redis.call('HSET', 'quotas', ARGV[i], ARGV[i + 1])
end
return (#ARGV - 4) / 2
