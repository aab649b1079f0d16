/* node_redis.js PORT - the usual calls of node-redis (4.x), told step by step
 * (transcript.js). The server wants the password "secret". A step "later: ..."
 * needs commands that are not there yet, "7.2: ..." is new in Redis 7.2. */
'use strict';

const { createClient, commandOptions } = require('redis');
const { step, tell, ask, until, recorded, end } = require('./transcript.js');
const { collections } = require('./node_redis_collections.js');

const PORT = Number(process.argv[2]);
const URL = 'redis://default:secret@127.0.0.1:' + PORT;
const RETRY_MS = 20;
const FAR_S = 4102444800;
const BINARY = Buffer.from([0, 13, 10, 255, 34]);

/* Errors are told of each attempt to connect; without a listener they end the
 * process. A duplicate has none of its origin's listeners. */
function quiet(client) {
    return client.on('error', () => {});
}

function create(options) {
    return quiet(createClient({
        url: URL, ...options,
        socket: { reconnectStrategy: () => RETRY_MS }
    }));
}

/* Resolved when the client has seen that its connection has gone. */
function cutOff(client) {
    return new Promise((seen) => client.once('reconnecting', seen));
}

async function strings(client) {
    const set = (...words) =>
        step('set ' + JSON.stringify(words), () => client.set(...words));
    await set('k', 'v');
    await set('k', 'w', { NX: true });
    await set('none', 'w', { XX: true });
    await set('k', 'x', { GET: true });
    await set('k', 'x', { EX: 1000, XX: true, GET: true });
    await set('k', 'x', { KEEPTTL: true });
    await set('k', 'x', { PX: 1000000 });
    await set('k', 'x', { EXAT: FAR_S });
    await set('k', 'x', { PXAT: FAR_S * 1000 });
    await set('k', 'x', { EX: -1 });
    await set('k', 'text', { EX: 1000, NX: true });
    await set('n', 17);
    await set('f', '1.5');
    await set('binary', BINARY);
    for (const key of ['k', 'n', 'f', 'none']) {
        await step('get ' + key, () => client.get(key));
        await step('strLen ' + key, () => client.strLen(key));
        await step('getRange ' + key, () => client.getRange(key, 0, 1));
        await step('type ' + key, () => client.type(key));
        await step('incr ' + key, () => client.incr(key));
    }
    const buffers = commandOptions({ returnBuffers: true });
    await step('get a buffer', () => client.get(buffers, 'binary'));
    await step('mGet buffers', () => client.mGet(buffers, ['k', 'binary']));
    await step('append', () => client.append('k', 'tail'));
    await step('setRange', () => client.setRange('k', 3, 'mid'));
    await step('incrBy', () => client.incrBy('n', 10));
    await step('incrByFloat', () => client.incrByFloat('f', 0.25));
    await step('decr', () => client.decr('n'));
    await step('decrBy', () => client.decrBy('n', 7));
    await step('getSet', () => client.getSet('n', '1'));
    await step('getEx EX', () => client.getEx('n', { EX: 1000 }));
    await step('getEx PXAT', () => client.getEx('n', { PXAT: FAR_S * 1000 }));
    await step('getEx', () => client.getEx('n', { PERSIST: true }));
    await step('getDel', () => client.getDel('n'));
    await step('setEx', () => client.setEx('e', 1000, 'v'));
    await step('setEx 0', () => client.setEx('e', 0, 'v'));
    await step('pSetEx', () => client.pSetEx('e', 1000000, 'v'));
    await step('setNX', () => client.setNX('e', 'w'));
    await step('mSet', () => client.mSet({ a: '1', b: '2' }));
    await step('mSet pairs', () => client.mSet([['a', '1'], ['c', '3']]));
    await step('mSetNX', () => client.mSetNX({ c: '4', d: '5' }));
    await step('mGet', () => client.mGet(['a', 'b', 'c', 'd']));
    await client.mSet({ left: 'the cat sat', right: 'a catty hat' });
    await step('lcs', () => client.lcs('left', 'right'));
    await step('lcsLen', () => client.lcsLen('left', 'right'));
    await step('lcsIdx', () => client.lcsIdx('left', 'right', 2));
    await step('lcsIdxWithMatchLen',
        () => client.lcsIdxWithMatchLen('left', 'right'));
}

async function keys(client) {
    await client.flushAll();
    await client.mSet({ a: 'text', b: '2', c: '3', d: '4' });
    await step('exists', () => client.exists(['a', 'b', 'a', 'none']));
    await step('touch', () => client.touch(['a', 'none']));
    await step('expire', () => client.expire('a', 1000));
    await step('expire GT', () => client.expire('a', 2000, 'GT'));
    await step('expire NX', () => client.expire('a', 3000, 'NX'));
    await step('ttl', () => client.ttl('a'));
    await step('expireAt', () => client.expireAt('b', FAR_S));
    await step('expireAt a Date',
        () => client.expireAt('c', new Date(FAR_S * 1000)));
    await step('expireTime', () => client.expireTime('b'));
    await step('pExpire', () => client.pExpire('c', 1000000));
    await step('pExpireAt', () => client.pExpireAt('c', FAR_S * 1000 + 123));
    await step('pExpireTime', () => client.pExpireTime('c'));
    await step('pTTL', () => client.pTTL('d'));
    await step('persist', () => client.persist('c'));
    await step('copy', () => client.copy('a', 'copied'));
    await step('copy again', () => client.copy('a', 'copied'));
    await step('copy REPLACE',
        () => client.copy('a', 'copied', { replace: true }));
    await step('copy DB',
        () => client.copy('a', 'a', { destinationDb: 3 }));
    await step('move', () => client.move('copied', 3));
    await step('swapDb', () => client.swapDb(0, 3));
    await step('get', () => client.get('a'));
    await step('swapDb back', () => client.swapDb(3, 0));
    await step('rename', () => client.rename('a', 'renamed'));
    await step('rename none', () => client.rename('none', 'renamed'));
    await step('renameNX', () => client.renameNX('renamed', 'b'));
    for (const key of ['renamed', 'none']) {
        await step('objectEncoding', () => client.objectEncoding(key));
        await step('objectIdleTime', () => client.objectIdleTime(key));
        await step('objectRefCount', () => client.objectRefCount(key));
        await step('objectFreq', () => client.objectFreq(key));
    }
    await step('memoryUsage', () => client.memoryUsage('none'));
    await step('wait', () => client.wait(1, 10));
    await step('del', () => client.del(['b', 'none']));
    await step('unlink', () => client.unlink('c'));
    await step('dbSize', () => client.dbSize());
    await step('flushDb', () => client.flushDb('ASYNC'));
    await step('flushAll', () => client.flushAll());
    await step('dbSize after it', () => client.dbSize());
}

async function connection(client) {
    await step('ping', () => client.ping());
    await step('ping a word', () => client.ping('word'));
    await step('echo', () => client.echo('hi'));
    await step('select', () => client.select(3));
    await step('select 99', () => client.select(99));
    await step('select 0', () => client.select(0));
    await step('clientSetName', () => client.clientSetName('me'));
    await step('clientGetName', () => client.clientGetName());
    await step('clientId', async () => typeof await client.clientId());
    await step('clientInfo', async () => {
        const { name, db, cmd } = await client.clientInfo();
        return { name, db, cmd };
    });
    await step('clientKill', () =>
        client.clientKill({ filter: 'ADDR', address: '1.2.3.4:5' }));
    await step('clientKill by id',
        () => client.clientKill([{ filter: 'ID', id: 999999 }, 'SKIPME']));
    await step('clientNoEvict', () => client.clientNoEvict(true));
    await step('clientPause', () => client.clientPause(1000000, 'WRITE'));
    await step('clientUnpause', () => client.clientUnpause());
    await step('clientTracking',
        () => client.clientTracking(true, { OPTIN: true }));
    await step('clientCaching', () => client.clientCaching(true));
    await step('clientTrackingInfo', async () => {
        const { flags, redirect, prefixes } =
            await client.clientTrackingInfo();
        return { flags: [...flags], redirect, prefixes };
    });
    await step('clientGetRedir', () => client.clientGetRedir());
    await step('clientTracking off', () => client.clientTracking(false));
    await step('auth', () => client.auth({ password: 'wrong' }));
    await step('auth again',
        () => client.auth({ username: 'default', password: 'secret' }));
    await step('hello', async () => {
        const { server, proto, mode, role } = await client.hello();
        return { server, proto, mode, role };
    });
    await step('hello AUTH', async () => (await client.hello(
        { protover: 2, auth: { username: 'nobody', password: 'x' } })).proto);
    await step('unknown', () => client.sendCommand(['NONSENSE', 'x y']));
    await step('sendCommand',
        () => client.sendCommand(['SET', 'k', 'v', 'GET']));
    await step('sendCommand, wrongly', () => client.sendCommand(['GET']));
}

async function serverWide(client) {
    await step('configSet', () => client.configSet('timeout', '1000'));
    await step('configSet two',
        () => client.configSet({ timeout: '0', 'slowlog-max-len': '100' }));
    await step('configSet wrong', () => client.configSet('nonsense', '1'));
    await step('configGet', () => client.configGet('time*'));
    await step('configResetStat', () => client.configResetStat());
    await step('configRewrite', () => client.configRewrite());
    await step('commandGetKeys',
        () => client.commandGetKeys(['MSET', 'a', '1', 'b', '2']));
    await step('commandGetKeysAndFlags',
        () => client.commandGetKeysAndFlags(['MSET', 'a', '1', 'b', '2']));
    await step('commandInfo',
        async () => (await client.commandInfo(['get', 'nonsense'])).map(
            (one) => one && [one.name, one.arity, [...one.flags]]));
    await step('command',
        async () => (await client.command()).some((one) =>
            one.name === 'get'));
    await step('commandCount',
        async () => await client.commandCount() > 50);
    await step('commandList', () => client.commandList(
        { filterBy: 'PATTERN', value: 'clien*|getname' }));
    await step('info', async () =>
        /redis_version:7\.[02]\.\d+\r\n/.test(await client.info()));
    await step('info of a section', async () =>
        /^# Memory\r\n/.test(await client.info('memory')));
    await step('lastSave',
        async () => (await client.lastSave()).getTime() > 1e9);
    await step('time', async () =>
        Math.abs(await client.time() - Date.now()) < 60000);
    await step('latencyDoctor',
        async () => typeof await client.latencyDoctor());
    await step('lolwut', async () => /ver\. 7/.test(await client.lolwut()));
    await step('lolwut 5',
        async () => /ver\. 7/.test(await client.lolwut(5, 20)));
    await step('memoryStats',
        async () => (await client.memoryStats()).keysCount >= 0);
    await step('memoryDoctor',
        async () => typeof await client.memoryDoctor());
    await step('memoryMallocStats',
        async () => typeof await client.memoryMallocStats());
    await step('memoryPurge', () => client.memoryPurge());
    await step('role', () => client.role());
    await step('replicaOf', () => client.replicaOf('1.2.3.4', 70000));
    await step('failover', () => client.failover());
    await step('aclWhoAmI', () => client.aclWhoAmI());
    await step('aclUsers', () => client.aclUsers());
    await step('aclCat', () => client.aclCat());
    await step('aclCat of one',
        async () => (await client.aclCat('transaction')).sort());
    await step('aclGenPass', async () => (await client.aclGenPass()).length);
    await step('aclDryRun',
        () => client.aclDryRun('default', ['GET', 'k']));
    await step('aclGetUser', async () => {
        const { flags, ...rest } = await client.aclGetUser('default');
        return [flags.includes('on'), rest];
    });
    await step('aclList', async () => (await client.aclList()).length);
    await step('save', () => client.save());
    await step('bgSave', async () => typeof await client.bgSave());
    await until(async () =>
        /rdb_bgsave_in_progress:0/.test(await client.info('persistence')));
    await step('bgRewriteAof',
        async () => typeof await client.bgRewriteAof());
}

async function transactions(client) {
    await client.flushAll();
    await step('multi', () => client.multi().set('k', 'v').get('k')
        .incr('n').mGet(['k', 'none']).ttl('k').setEx('e', 1000, 'v').exec());
    await step('multi of nothing', () => client.multi().exec());
    await step('multi, one fails',
        () => client.multi().set('k', 'w').incr('k').exec());
    await step('its effect', () => client.get('k'));
    await step('multi, refused when queued', () => client.multi()
        .set('k', 'x').addCommand(['NONSENSE']).exec());
    await step('no effect', () => client.get('k'));
    await step('execAsPipeline', () => client.multi().incr('n').incr('n')
        .execAsPipeline());
    await step('multi in another database',
        () => client.multi().select(2).set('k', 'two').get('k').exec());
    await step('select again', () => client.select(0));
    await step('all at once', () => Promise.all(
        Array.from({ length: 500 }, (_, i) => client.set('key:' + i, i)
            .then(() => client.get('key:' + i)))));

    const change = (name, during) => step(name, () => client.executeIsolated(
        async (isolated) => {
            const own = recorded(isolated);
            await own.watch(['k', 'other']);
            const seen = await own.get('k');
            await during(own);
            return own.multi().set('k', seen + '!').get('k').exec();
        }));
    await change('watch', () => {});
    await change('watch, changed', () => client.set('k', 'changed'));
    await change('watch, deleted', () => client.del('k'));
    await change('watch, unwatched', async (own) => {
        await client.set('k', 'changed');
        await own.unwatch();
    });
    await step('isolated by an option', () => client.get(
        commandOptions({ isolated: true }), 'k'));
    await step('discard', () => client.discard());
}

async function subscriptions(client) {
    const subscriber = recorded(quiet(client.duplicate()));
    await subscriber.connect();
    const heard = [];
    const hear = (message, channel) => heard.push([channel, message]);
    const count = (number) => until(() => heard.length >= number);
    await step('subscribe', () => subscriber.subscribe('news', hear));
    await step('subscribe to many',
        () => subscriber.subscribe(['a', 'b'], hear));
    await step('pSubscribe', () => subscriber.pSubscribe('n?ws', hear, true));
    await step('publish', () => client.publish('news', 'one'));
    await count(2);
    await step('publish to b', () => client.publish('b', 'two'));
    await step('publish to nobody', () => client.publish('nobody', 'x'));
    await count(3);
    await step('pubSubChannels',
        async () => (await client.pubSubChannels('*')).sort());
    await step('pubSubNumSub', () => client.pubSubNumSub(['news', 'none']));
    await step('pubSubNumPat', () => client.pubSubNumPat());
    await step('not while subscribed', () => subscriber.get('k'));

    const gone = [cutOff(client), cutOff(subscriber)];
    await ask('restart');
    await Promise.all(gone);
    await until(async () => await client.pubSubNumPat() === 1);
    await step('publish after a restart',
        () => client.publish('news', 'three'));
    await count(5);
    await step('unsubscribe', () => subscriber.unsubscribe('news'));
    await step('pUnsubscribe', () => subscriber.pUnsubscribe('n?ws'));
    await step('publish again', () => client.publish('news', 'four'));
    await step('unsubscribe from all', () => subscriber.unsubscribe());
    await step('free again', () => subscriber.ping());
    tell('heard', heard);

    await client.configSet('notify-keyspace-events', 'KEA');
    const events = [];
    await subscriber.pSubscribe('__key*__:*', (message, channel) =>
        events.push([channel, message]));
    await client.set('k', 'v', { EX: 1000 });
    await client.multi().append('k', 'w').rename('k', 'l').del('l').exec();
    await until(() => events.length >= 12);
    tell('events', events);
    await step('quit', () => subscriber.quit());
}

/* What Debian's node-redis does not have yet. */
async function newer(client) {
    const has = (name, ...words) => client[name] &&
        step(name, () => client[name](...words));
    await has('latencyLatest');
    await has('latencyHistory', 'command');
    await has('latencyGraph', 'nonsense');
    await has('pubSubShardChannels');
    await has('pubSubShardNumSub', ['a', 'b']);
    if (client.clientList)
        await step('clientList', async () =>
            (await client.clientList()).map((one) => [one.name, one.db]));
    if (client.clientNoTouch)
        await step('7.2: clientNoTouch', () => client.clientNoTouch(true));
    if (client.sSubscribe) {
        const heard = [];
        const subscriber = recorded(quiet(client.duplicate()));
        await subscriber.connect();
        await subscriber.sSubscribe('shard', (...words) => heard.push(words));
        await step('sPublish', () => client.sPublish('shard', 'x'));
        await until(() => heard.length === 1);
        tell('heard of a shard', heard);
        await subscriber.sUnsubscribe('shard');
        await subscriber.quit();
    }
}

async function comingBack(client) {
    const told = [];
    for (const event of ['reconnecting', 'connect', 'ready'])
        client.on(event, () => told.push(event));
    let gone = cutOff(client);
    await ask('restart');
    await gone;
    await step('set after a restart', () => client.set('after', 'v'));
    await step('get after a restart', () => client.get('after'));
    tell('events of the client', told.slice(-2)); // many attempts
    await step('its name is kept', () => client.clientGetName());

    const number = await client.clientId();
    const other = quiet(client.duplicate());
    await other.connect();
    gone = cutOff(client);
    await step('killed', () =>
        other.clientKill({ filter: 'ID', id: number }));
    await gone;
    await step('and there again', async () =>
        await client.clientId() > number);
    await step('disconnect', () => other.disconnect());
    await step('after disconnect', () => other.get('k'));
}

async function scripts(client) {
    await client.set('k', 'v');
    await step('eval', () => client.eval('return {KEYS[1], ARGV[1], 1}',
        { keys: ['k'], arguments: ['v'] }));
    await step('scriptLoad and evalSha', async () => {
        const sha = await client.scriptLoad('return ARGV[1]');
        return [sha, await client.evalSha(sha, { arguments: ['x'] }),
            await client.scriptExists(sha)];
    });
    await step('evalRo', () => client.evalRo('return redis.call("GET", KEYS[1])',
        { keys: ['k'] }));
    await step('evalShaRo', async () => client.evalShaRo(
        await client.scriptLoad('return 2')));
    await step('evalRo, a write', () =>
        client.evalRo('return redis.call("SET", KEYS[1], 1)', { keys: ['k'] }));
    await step('scriptFlush', () => client.scriptFlush());
    await step('scriptDebug', () => client.scriptDebug('NO'));
    await step('scriptKill', () => client.scriptKill());
    await step('an error', () => client.eval("return redis.call('get')"));
}

async function notYet(client) {
    await client.set('k', 'v');
    await step('dump', () => client.dump('k'));
    if (client.restore) // Debian's node-redis has none
        await step('restore', () => client.restore('other', 0, 'no payload'));
    await client.rPush('numbers', ['3', '1', '2']);
    await client.mSet({ w1: '3', w2: '2', w3: '1', o1: 'a', o2: 'b' });
    await step('sort', () => client.sort('numbers'));
    await step('sort BY GET', () => client.sort('numbers',
        { BY: 'w*', GET: ['#', 'o*'], DIRECTION: 'DESC' }));
    await step('sort STORE', () => client.sortStore('numbers', 'sorted',
        { ALPHA: true, LIMIT: { offset: 1, count: 2 } }));
    await step('sorted', () => client.lRange('sorted', 0, -1));
    await step('sort_ro', () => client.sortRo('numbers', { BY: 'nosort' }));
    await step('keys', () => client.keys('k'));
    await step('randomKey', async () =>
        typeof await client.randomKey() === 'string');
    await step('scan', () => client.scan(0, { MATCH: 'k', COUNT: 1000 }));
    await step('scanIterator', async () => {
        const found = [];
        for await (const key of client.scanIterator({ MATCH: 'k' }))
            found.push(key);
        return found;
    });
    await step('hSet', () => client.hSet('hash', 'field', 'value'));
}

async function ending(client) {
    const shut = create();
    await step('wrong password', async () => {
        const wrong = quiet(createClient({
            url: 'redis://:wrong@127.0.0.1:' + PORT,
            socket: { reconnectStrategy: () => new Error('given up') }
        }));
        await wrong.connect();
    });
    await shut.connect();
    await step('database of the URL', async () => {
        const third = quiet(createClient(
            { url: URL + '/3', name: 'third' }));
        await third.connect();
        const { db, name } = await third.clientInfo();
        await third.disconnect();
        return { db, name };
    });
    await step('quit with commands before it', () => Promise.all(
        [client.ping(), client.get('none'), client.quit()]));
    await step('after quit', () => client.ping());
    await step('shutdown', () => recorded(shut).shutdown('NOSAVE'));
    await shut.disconnect().catch(() => {});
}

async function main() {
    const client = recorded(create({ name: 'named' }));
    await client.connect();
    await strings(client);
    await keys(client);
    await connection(client);
    await serverWide(client);
    // The connections that executeIsolated keeps have no listener for errors:
    // they must not be there any more when the server goes.
    const isolating = recorded(create());
    await isolating.connect();
    await transactions(isolating);
    await collections(isolating);
    await isolating.quit();
    await subscriptions(client);
    await client.clientSetName('named');
    await newer(client);
    await comingBack(client);
    await scripts(client);
    await notYet(client);
    await ending(client);
    end();
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
