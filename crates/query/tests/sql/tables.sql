SHOW TABLES;
DESCRIBE web;
SELECT method, status, count(*) AS n, sum(bytes) AS bytes FROM web GROUP BY 1, 2 ORDER BY 1, 2;
SELECT time, host FROM web ORDER BY time LIMIT 2;
SELECT queue, count(*), max(time) FROM jobs GROUP BY queue ORDER BY queue;
SELECT l.level, count(*) FROM log l JOIN jobs j ON l.level = j.level GROUP BY 1;
