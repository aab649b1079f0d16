/* ioredis.js PORT - the usual calls of ioredis (5.x), told step by step
 * (transcript.js). The server wants the password "secret". A step "later: ..."
 * needs commands that are not there yet. */
'use strict';

const Redis = require('ioredis');
const { step, tell, ask, until, recorded, end } = require('./transcript.js');

const PORT = Number(process.argv[2]);
const RETRY_MS = 20;
const FAR_S = 4102444800;
const BINARY = Buffer.from([0, 13, 10, 255, 34]);

/* Errors are told of each attempt to connect; without a listener ioredis
 * writes them to stderr. */
function quiet(client) {
    client.on('error', () => {});
    return client;
}

function create(options) {
    return recorded(quiet(new Redis({
        port: PORT, password: 'secret', retryStrategy: () => RETRY_MS,
        maxRetriesPerRequest: null, ...options
    })));
}

/* All ways to call a command: the words as the user writes them. */
function asks(client) {
    return (name, ...words) => step(
        [name, ...words.map((one) => JSON.stringify(one))].join(' '),
        () => client[name](...words));
}

async function strings(client) {
    const call = asks(client);
    await call('set', 'k', 'v');
    await call('set', 'k', 'w', 'NX');
    await call('set', 'none', 'w', 'XX');
    await call('set', 'k', 'x', 'GET');
    await call('set', 'k', 'x', 'EX', 1000);
    await call('set', 'k', 'x', 'KEEPTTL');
    await call('set', 'k', 'x', 'PX', 1000000, 'XX');
    await call('set', 'k', 'x', 'EXAT', FAR_S);
    await call('set', 'k', 'x', 'EX', -1);
    await call('set', 'k', 'x', 'nonsense');
    await call('set', 'binary', BINARY);
    await call('set', 'n', 17);
    for (const key of ['k', 'n', 'none']) {
        await call('get', key);
        await call('getBuffer', key);
        await call('strlen', key);
        await call('getrange', key, 0, 1);
        await call('substr', key, 0, 1);
        await call('type', key);
        await call('incr', key);
    }
    await call('getBuffer', 'binary');
    await call('mgetBuffer', 'k', 'binary');
    await call('append', 'k', 'tail');
    await call('setrange', 'k', 3, 'mid');
    await call('incrby', 'n', 10);
    await call('incrbyfloat', 'n', 0.25);
    await call('decr', 'new');
    await call('decrby', 'new', 7);
    await call('getset', 'n', 1);
    await call('getex', 'n', 'EX', 1000);
    await call('getex', 'n', 'PERSIST');
    await call('getdel', 'n');
    await call('setex', 'e', 1000, 'v');
    await call('psetex', 'e', 0, 'v');
    await call('psetex', 'e', 1000000, 'v');
    await call('setnx', 'e', 'w');
    await call('mset', { a: 1, b: 2 });
    await call('mset', 'a', 1, 'c', 3);
    await step('mset of a Map',
        () => client.mset(new Map([['a', '1'], ['c', '3']])));
    await call('msetnx', { c: 4, d: 5 });
    await call('mget', ['a', 'b', 'c', 'd']);
    await call('mset', { left: 'the cat sat', right: 'a catty hat' });
    await call('lcs', 'left', 'right', 'IDX', 'WITHMATCHLEN');
}

async function keys(client) {
    const call = asks(client);
    await call('flushall');
    await call('mset', { a: 'text', b: 2, c: 3, d: 4 });
    await call('exists', 'a', 'b', 'a', 'none');
    await call('touch', ['a', 'none']);
    await call('expire', 'a', 1000);
    await call('expire', 'a', 2000, 'NX');
    await call('ttl', 'a');
    await call('expireat', 'b', FAR_S);
    await call('expiretime', 'b');
    await call('pexpire', 'c', 1000000);
    await call('pexpireat', 'c', FAR_S * 1000 + 123);
    await call('pexpiretime', 'c');
    await call('pttl', 'd');
    await call('persist', 'c');
    await call('copy', 'a', 'copied');
    await call('copy', 'a', 'copied', 'REPLACE');
    await call('move', 'copied', 3);
    await call('swapdb', 0, 3);
    await call('swapdb', 3, 0);
    await call('rename', 'a', 'renamed');
    await call('rename', 'none', 'renamed');
    await call('renamenx', 'renamed', 'b');
    await call('object', 'ENCODING', 'renamed');
    await call('object', 'REFCOUNT', 'renamed');
    await call('object', 'IDLETIME', 'none');
    await call('memory', 'USAGE', 'none');
    await call('wait', 1, 10);
    await call('del', 'b', 'none');
    await call('unlink', 'c');
    await call('dbsize');
    await call('flushdb', 'ASYNC');
    await call('dbsize');
}

async function connection(client) {
    const call = asks(client);
    await call('ping');
    await call('ping', 'word');
    await call('echo', 'hi');
    await call('select', 3);
    await call('select', 99);
    await call('select', 0);
    await call('client', 'SETNAME', 'me');
    await call('client', 'GETNAME');
    await call('client', 'NO-EVICT', 'on');
    await call('client', 'KILL', '1.2.3.4:5');
    await call('client', 'TRACKING', 'on', 'NOLOOP');
    await call('client', 'TRACKINGINFO');
    await call('client', 'TRACKING', 'off');
    await call('client', 'PAUSE', 1000000, 'WRITE');
    await call('client', 'UNPAUSE');
    await step('client LIST', async () =>
        (await client.client('LIST')).includes(' name=me '));
    await call('auth', 'wrong');
    await call('auth', 'default', 'secret');
    await call('call', 'SET', 'k', 'v', 'GET');
    await call('callBuffer', 'GET', 'k');
    await call('call', 'NONSENSE', 'x y');
    await call('get');
    await call('config', 'GET', 'time*');
    await call('config', 'SET', 'timeout', 0, 'slowlog-max-len', 100);
    await call('config', 'SET', 'nonsense', 1);
    await call('config', 'RESETSTAT');
    await call('command', 'GETKEYS', 'MSET', 'a', '1', 'b', '2');
    await step('command COUNT',
        async () => await client.command('COUNT') > 50);
    await step('info', async () =>
        /redis_version:7\.[02]\.\d+\r\n/.test(await client.info()));
    await step('time', async () =>
        Math.abs((await client.time())[0] * 1000 - Date.now()) < 60000);
    await step('lastsave', async () => await client.lastsave() > 1e9);
    await step('memory STATS', async () => typeof await client.memory('STATS'));
    await call('slowlog', 'RESET');
    await call('slowlog', 'GET', 10);
    await call('latency', 'LATEST');
    await call('role');
    await call('acl', 'WHOAMI');
    await call('save');
}

async function pipelines(client) {
    const call = asks(client);
    await call('flushall');
    await step('pipeline', () => client.pipeline().set('k', 'v').get('k')
        .incr('k').getBuffer('k').mget('k', 'none').exec());
    await step('pipeline of an array', () => client.pipeline(
        [['set', 'k', 'w'], ['get', 'k'], ['nonsense']]).exec());
    await step('pipeline with callbacks', async () => {
        const heard = [];
        await client.pipeline().get('k', (error, value) =>
            heard.push(value)).exec();
        return heard;
    });
    await step('multi', () => client.multi().set('k', 'v').get('k')
        .incr('n').mget('k', 'none').setex('e', 1000, 'v').exec());
    await step('multi of an array',
        () => client.multi([['get', 'k'], ['incr', 'n']]).exec());
    await step('multi, one fails',
        () => client.multi().set('k', 'w').incr('k').get('k').exec());
    await step('multi, refused when queued', async () => {
        try {
            await client.multi().set('k', 'x').get().exec();
        } catch (error) {
            return [error, error.previousErrors];
        }
    });
    await step('no effect', () => client.get('k'));
    await step('multi without a pipeline', async () => {
        const queued = [await client.multi({ pipeline: false }),
            await client.set('k', 'v'), await client.get('k')];
        return [queued, await client.exec()];
    });
    await step('discard', async () => [await client.multi(
        { pipeline: false }), await client.set('k', 'x'),
    await client.discard()]);
    await step('all at once', () => Promise.all(
        Array.from({ length: 500 }, (_, i) => client.set('key:' + i, i)
            .then(() => client.get('key:' + i)))));
    await step('a callback', () => new Promise((done) =>
        client.get('k', (error, value) => done([error, value]))));

    const other = create();
    await step('watch', async () => [await client.watch('k'),
        await client.multi().set('k', 'mine').exec()]);
    await step('watch, changed', async () => [await client.watch('k'),
        await other.set('k', 'changed'),
        await client.multi().set('k', 'mine').exec()]);
    await step('unwatch', async () => [await client.watch('k'),
        await other.set('k', 'changed'), await client.unwatch(),
        await client.multi().get('k').exec()]);
    await step('quit', () => other.quit());

    const prefixed = create({ keyPrefix: 'app:', db: 2,
        enableAutoPipelining: true });
    await step('prefixed and pipelined by itself', () => Promise.all(
        [prefixed.set('k', 'v'), prefixed.get('k'), prefixed.mget('k', 'l'),
            prefixed.exists('k')]));
    await step('the key it has', async () => [await client.select(2),
        await client.get('app:k'), await client.select(0)]);
    prefixed.disconnect();
}

async function subscriptions(client) {
    const subscriber = create();
    const call = asks(subscriber);
    const heard = [];
    for (const event of ['message', 'pmessage', 'messageBuffer', 'smessage'])
        subscriber.on(event, (...words) => heard.push([event, ...words]));
    const count = (number) => until(() => heard.length >= number);
    await call('subscribe', 'news', 'b');
    await call('psubscribe', 'n?ws');
    await call('ssubscribe', 'shard');
    await step('publish', () => client.publish('news', 'one'));
    await count(3);
    await step('spublish', () => client.spublish('shard', 'two'));
    await step('publish to nobody', () => client.publish('nobody', 'x'));
    await count(4);
    await step('pubsub', async () => [
        (await client.pubsub('CHANNELS')).sort(),
        await client.pubsub('NUMSUB', 'news', 'none'),
        await client.pubsub('NUMPAT'), await client.pubsub('SHARDCHANNELS')]);
    await call('get', 'k');

    await ask('restart');
    await until(async () => await client.pubsub('NUMPAT') === 1);
    await until(async () =>
        (await client.pubsub('SHARDCHANNELS')).length === 1);
    await step('publish after a restart',
        () => client.publish('news', 'three'));
    await count(7);
    await call('unsubscribe', 'news');
    await call('punsubscribe', 'n?ws');
    await call('sunsubscribe', 'shard');
    await call('unsubscribe');
    await call('get', 'none');
    tell('heard', heard);

    await client.config('SET', 'notify-keyspace-events', 'KEA');
    const events = [];
    subscriber.on('pmessage', (...words) => events.push(words));
    await call('psubscribe', '__key*__:*');
    await client.set('k', 'v', 'EX', 1000);
    await client.multi().append('k', 'w').rename('k', 'l').del('l').exec();
    await until(() => events.length >= 12);
    tell('events', events);
    await call('quit');
}

async function monitoring(client) {
    const monitor = await client.monitor();
    const seen = [];
    monitor.on('monitor', (time, words, source, database) =>
        seen.push([Number(time) > 1e9, words, typeof source, database]));
    await client.set('k', 'two words');
    await client.multi().get('k').exec();
    await client.echo('end');
    await until(() => seen.some((one) => one[1][0] === 'echo'));
    tell('monitor', seen);
    monitor.disconnect();
}

async function comingBack(client) {
    await client.ping();
    const told = [];
    for (const event of ['close', 'reconnecting', 'connect', 'ready'])
        client.on(event, () => told.push(event));
    await ask('restart');
    await step('set after a restart', () => client.set('after', 'v'));
    await step('get after a restart', () => client.get('after'));
    tell('events of the client', [...new Set(told)]); // many attempts
    await step('its name and database are kept', async () => {
        const info = await client.client('INFO');
        return [/ name=named /.test(info), / db=4 /.test(info)];
    });
    const number = await client.client('ID');
    const other = client.duplicate();
    await step('killed', () => other.client('KILL', 'ID', number));
    await step('and there again', async () =>
        await client.client('ID') > number);
    await step('status', () => [client.status, client.mode]);
    other.disconnect();
    await until(() => other.status === 'end');
    await step('after disconnect', () => other.get('k'));
}

async function scripts(client) {
    await step('eval', () =>
        client.eval('return {KEYS[1], ARGV[1], 1}', 1, 'k', 'v'));
    await step('defineCommand', async () => {
        client.defineCommand('add', { numberOfKeys: 1,
            lua: "return redis.call('incrby', KEYS[1], ARGV[1])" });
        await client.del('sum');
        return [await client.add('sum', 2), await client.add('sum', 3)];
    });
    await step('defineCommand, forgotten', async () => {
        await client.script('FLUSH');
        return client.add('sum', 4);
    });
    await step('in a pipeline', () =>
        client.pipeline().add('sum', 1).get('sum').exec());
    await step('by name', async () => {
        const sha = await client.script('LOAD', 'return ARGV[1]');
        return [sha, await client.evalsha(sha, 0, 'x'),
            await client.evalsha_ro(sha, 0, 'y')];
    });
    await step('eval_ro', () => client.eval_ro('return 1', 0));
    await step('an error', () => client.eval("return redis.call('get')", 0));
}

async function notYet(client) {
    await client.set('k', 'v');
    const payload = await client.dumpBuffer('k');
    await step('restore', () => client.restore('restored', 0, payload));
    await step('dump', () => client.dump('none'));
    await client.rpush('numbers', 3, 1, 2);
    await client.mset('w1', 3, 'w2', 2, 'w3', 1);
    await step('sort', () => client.sort('numbers', 'BY', 'w*', 'GET', '#',
        'GET', 'w*'));
    await step('sort STORE', () => client.sort('numbers', 'DESC', 'LIMIT', 0,
        2, 'STORE', 'sorted'));
    await step('sort_ro', () => client.sort_ro('numbers'));
    await step('scanStream', () => new Promise((done) => {
        const found = [];
        client.scanStream({ match: 'k' }).on('data', (keys) =>
            found.push(...keys)).on('end', () => done(found))
            .on('error', done);
    }));
    await step('hset', () => client.hset('hash', { field: 'value' }));
}

async function ending(client) {
    await step('wrong password', async () => {
        const wrong = quiet(new Redis({ port: PORT, password: 'wrong',
            retryStrategy: null, lazyConnect: true }));
        await wrong.connect();
        await wrong.get('k');
    });
    await step('by URL', async () => {
        const third = quiet(new Redis(
            'redis://default:secret@127.0.0.1:' + PORT + '/3'));
        const info = await third.client('INFO');
        third.disconnect();
        return / db=3 /.test(info);
    });
    const shut = create({ retryStrategy: null });
    await step('quit', () => client.quit());
    await step('after quit', () => client.ping());
    await step('shutdown', () => shut.shutdown('NOSAVE'));
}

async function main() {
    const client = create();
    await strings(client);
    await keys(client);
    await connection(client);
    await pipelines(client);
    await subscriptions(client);
    await monitoring(client);
    const named = create({ connectionName: 'named', db: 4 });
    await comingBack(named);
    await scripts(named);
    await notYet(named);
    await ending(client);
    end();
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
