/* The usual calls of node-redis for lists, hashes, sets and sorted sets, and
 * those that block: steps of node_redis.js. Each family starts with an empty
 * database. What the server may order as it likes is sorted here, what it
 * picks is picked from one member, and scores are whole numbers or short
 * fractions of which every version writes the same digits. */
'use strict';

const { step, tell, until, recorded } = require('./transcript.js');

const WAIT_S = 0.01; // for what never comes
const LONG_S = 100; // for what does

function sorted(value) {
    return Array.isArray(value) ? [...value].sort() : value;
}

/* call(method, ...words) is the step of this call, any(...) the same for a
 * reply in no order. */
function callsOf(client) {
    const named = (change) => (method, ...words) =>
        step(method + ' ' + JSON.stringify(words),
            async () => change(await client[method](...words)));
    return { call: named((value) => value), any: named(sorted) };
}

async function lists(client) {
    const { call } = callsOf(client);
    await client.flushAll();
    await client.set('text', 'v');
    await call('rPush', 'l', ['a', 'b', 'c', 'b', 'd']);
    await call('rPush', 'l', 'e');
    await call('rPush', 'text', 'e');
    await call('lPush', 'l', ['1', '0']);
    await call('lPush', 'l', 'start');
    await call('lPushX', 'l', 'x');
    await call('lPushX', 'none', 'x');
    await call('rPushX', 'l', ['y', 'z']);
    await call('rPushX', 'none', 'y');
    await call('lLen', 'l');
    await call('lLen', 'none');
    await call('lLen', 'text');
    await call('lRange', 'l', 0, -1);
    await call('lRange', 'l', -3, 100);
    await call('lRange', 'l', 5, 2);
    await call('lIndex', 'l', -1);
    await call('lIndex', 'l', 100);
    await call('lPos', 'l', 'b');
    await call('lPos', 'l', 'b', { RANK: -1 });
    await call('lPos', 'l', 'b', { MAXLEN: 2 });
    await call('lPos', 'l', 'b', { RANK: 0 });
    await call('lPosCount', 'l', 'b', 0);
    await call('lPosCount', 'l', 'b', 1, { RANK: 2 });
    await call('lSet', 'l', 0, 'first');
    await call('lSet', 'l', 100, 'first');
    await call('lSet', 'none', 0, 'first');
    await call('lInsert', 'l', 'BEFORE', 'c', 'before');
    await call('lInsert', 'l', 'AFTER', 'c', 'after');
    await call('lInsert', 'l', 'AFTER', 'absent', 'after');
    await call('lRem', 'l', -1, 'b');
    await call('lRem', 'l', 0, 'absent');
    await call('lRange', 'l', 0, -1);
    await call('lTrim', 'l', 1, -2);
    await call('lPop', 'l');
    await call('lPop', 'none');
    await call('lPopCount', 'l', 2);
    await call('lPopCount', 'none', 2);
    await call('rPop', 'l');
    await call('rPop', 'text');
    await call('rPopCount', 'l', 2);
    await call('lMove', 'l', 'other', 'LEFT', 'RIGHT');
    await call('lMove', 'none', 'other', 'LEFT', 'RIGHT');
    await call('rPopLPush', 'l', 'other');
    await call('rPopLPush', 'other', 'other');
    await call('lmPop', 'other', 'LEFT');
    await call('lmPop', ['none', 'l'], 'RIGHT', { COUNT: 10 });
    await call('lmPop', ['none', 'l'], 'RIGHT');
    await call('exists', ['l', 'other']);
    await call('type', 'other');
}

async function hashes(client) {
    const { call, any } = callsOf(client);
    await client.flushAll();
    await client.set('text', 'v');
    await call('hSet', 'h', 'field', 'value');
    await call('hSet', 'h', { field: 'other', n: 5, f: '1.5' });
    await call('hSet', 'h', [['g', '1'], ['empty', '']]);
    await step('hSet a Map', () => client.hSet('h', new Map([['m', 'x']])));
    await call('hSet', 'h', {});
    await call('hSet', 'text', 'field', 'value');
    await call('hSetNX', 'h', 'field', 'again');
    await call('hSetNX', 'h', 'new', 'there');
    await call('hGet', 'h', 'field');
    await call('hGet', 'h', 'absent');
    await call('hGet', 'text', 'field');
    await call('hmGet', 'h', ['field', 'absent', 'empty']);
    await call('hmGet', 'none', 'field');
    await call('hGetAll', 'h');
    await call('hGetAll', 'none');
    await any('hKeys', 'h');
    await any('hVals', 'h');
    await call('hLen', 'h');
    await call('hStrLen', 'h', 'field');
    await call('hStrLen', 'h', 'absent');
    await call('hExists', 'h', 'field');
    await call('hExists', 'h', 'absent');
    await call('hIncrBy', 'h', 'n', 10);
    await call('hIncrBy', 'h', 'field', 10);
    await call('hIncrByFloat', 'h', 'f', 0.25);
    await call('hIncrByFloat', 'h', 'field', 0.25);
    await call('hDel', 'h', ['g', 'empty', 'absent']);
    await call('hDel', 'none', 'g');
    await call('hSet', 'one', 'field', 'value');
    await call('hRandField', 'one');
    await call('hRandField', 'none');
    await call('hRandFieldCount', 'one', -2);
    await call('hRandFieldCountWithValues', 'one', 2);
    await call('hScan', 'one', 0);
    await call('hScan', 'one', 0, { MATCH: 'x*', COUNT: 5 });
    await step('hScanIterator', async () => {
        const found = {};
        for await (const { field, value } of client.hScanIterator('h'))
            found[field] = value;
        return found;
    });
    await call('objectEncoding', 'h');
    await call('type', 'h');
}

async function sets(client) {
    const { call, any } = callsOf(client);
    await client.flushAll();
    await client.set('text', 'v');
    await call('sAdd', 's', ['a', 'b', 'c', 'a']);
    await call('sAdd', 's', 'd');
    await call('sAdd', 'text', 'd');
    await call('sAdd', 't', ['c', 'd', 'e']);
    await call('sAdd', 'numbers', ['3', '1', '2']);
    await call('sCard', 's');
    await call('sCard', 'none');
    await any('sMembers', 's');
    await any('sMembers', 'numbers');
    await call('sMembers', 'text');
    await call('sIsMember', 's', 'a');
    await call('sIsMember', 's', 'e');
    await call('smIsMember', 's', ['a', 'e']);
    await any('sInter', ['s', 't']);
    await any('sInter', ['s', 'none']);
    await any('sInter', ['s', 'text']);
    await call('sInterCard', ['s', 't']);
    await call('sInterCard', ['s', 't'], 1);
    await any('sUnion', ['s', 't']);
    await any('sDiff', ['s', 't']);
    await call('sInterStore', 'inter', ['s', 't']);
    await call('sUnionStore', 'union', ['s', 't']);
    await call('sDiffStore', 'diff', ['s', 't']);
    for (const key of ['inter', 'union', 'diff'])
        await any('sMembers', key);
    await call('sInterStore', 'inter', ['s', 'none']);
    await call('exists', 'inter');
    await call('sMove', 's', 't', 'a');
    await call('sMove', 's', 't', 'absent');
    await call('sRem', 's', ['b', 'absent']);
    await call('sRem', 'none', 'b');
    await call('sAdd', 'one', 'only');
    await call('sRandMember', 'one');
    await call('sRandMember', 'none');
    await call('sRandMemberCount', 'one', -2);
    await any('sRandMemberCount', 't', 100);
    await call('sScan', 'one', 0);
    await call('sScan', 'one', 0, { MATCH: 'o*', COUNT: 5 });
    await step('sScanIterator', async () => {
        const found = [];
        for await (const member of client.sScanIterator('t'))
            found.push(member);
        return found.sort();
    });
    await call('sPop', 'one');
    await call('sPop', 'one');
    await any('sPop', 't', 100);
    await call('exists', ['one', 't']);
    await call('objectEncoding', 'numbers');
    await call('type', 's');
}

const member = (score, value) => ({ score, value });

async function sortedSets(client) {
    const { call } = callsOf(client);
    await client.flushAll();
    await client.set('text', 'v');
    await call('zAdd', 'z',
        [member(1, 'a'), member(2, 'b'), member(2, 'c'), member(3, 'd')]);
    await call('zAdd', 'z', member(5, 'a'), { NX: true });
    await call('zAdd', 'z', member(4, 'a'), { XX: true, CH: true });
    await call('zAdd', 'z', member(3, 'a'), { GT: true, CH: true });
    await call('zAdd', 'z', member(1, 'a'), { LT: true, CH: true });
    await call('zAdd', 'z', member(10, 'e'), { INCR: true });
    await call('zAdd', 'text', member(1, 'a'));
    await step('zAdd infinities', () => client.zAdd('ends',
        [member(Infinity, 'last'), member(-Infinity, 'first')]));
    await step('zScore infinity', async () =>
        String(await client.zScore('ends', 'first')));
    await call('zIncrBy', 'z', 1.5, 'e');
    await call('zCard', 'z');
    await call('zCard', 'none');
    await call('zScore', 'z', 'e');
    await call('zScore', 'z', 'absent');
    await call('zmScore', 'z', ['a', 'absent']);
    await call('zRank', 'z', 'c');
    await call('zRank', 'z', 'absent');
    await call('zRevRank', 'z', 'c');
    await call('zCount', 'z', 2, '(3');
    await call('zCount', 'z', '-inf', '+inf');
    await call('zCount', 'z', 'x', 'y');
    await call('zRange', 'z', 0, -1);
    await call('zRange', 'z', 0, 1, { REV: true });
    await call('zRange', 'z', '(1', '+inf',
        { BY: 'SCORE', LIMIT: { offset: 1, count: 2 } });
    await call('zRange', 'z', 0, 1, { LIMIT: { offset: 1, count: 2 } });
    await call('zRange', 'text', 0, 1);
    await call('zRangeWithScores', 'z', 0, -1);
    await call('zRangeByScore', 'z', 2, 3);
    await call('zRangeByScore', 'z', 2, 3, { LIMIT: { offset: 1, count: 1 } });
    await call('zRangeByScoreWithScores', 'z', '(1', 3);
    await call('zRangeStore', 'stored', 'z', 1, 3);
    await call('zRangeStore', 'stored', 'z', 3, 1, { BY: 'SCORE', REV: true });
    await call('zRangeStore', 'stored', 'none', 0, 1);
    await call('zRem', 'z', ['e', 'absent']);
    await call('zRemRangeByRank', 'z', 0, 0);
    await call('zRemRangeByScore', 'z', '(2', 3);
    await call('zRangeWithScores', 'z', 0, -1);
    await call('objectEncoding', 'z');
    await call('type', 'z');

    await client.zAdd('lex', ['a', 'b', 'c', 'd'].map((one) => member(0, one)));
    await call('zLexCount', 'lex', '[b', '+');
    await call('zLexCount', 'lex', 'b', '+');
    await call('zRangeByLex', 'lex', '-', '(c');
    await call('zRangeByLex', 'lex', '-', '+',
        { LIMIT: { offset: 1, count: 2 } });
    await call('zRange', 'lex', '+', '[b', { BY: 'LEX', REV: true });
    await call('zRemRangeByLex', 'lex', '[a', '[b');
    await call('zRange', 'lex', 0, -1);
}

async function sortedSetsTogether(client) {
    const { call } = callsOf(client);
    const both = ['z', 'y'];
    await client.flushAll();
    await client.zAdd('z', [member(1, 'a'), member(2, 'b'), member(3, 'c')]);
    await client.zAdd('y', [member(10, 'b'), member(20, 'c'), member(5, 'd')]);
    for (const name of ['zInter', 'zUnion']) {
        await call(name, both);
        await call(name, both, { AGGREGATE: 'MAX', WEIGHTS: [30, 1] });
        await call(name + 'WithScores', both);
        await call(name + 'WithScores', both, { AGGREGATE: 'MIN' });
        await call(name + 'Store', 'stored', both, { WEIGHTS: [2, 3] });
        await call('zRangeWithScores', 'stored', 0, -1);
        await call(name + 'Store', 'stored', 'none');
    }
    await call('zInterCard', both);
    await call('zInterCard', both, 1);
    await call('zDiff', both);
    await call('zDiffWithScores', both);
    await call('zDiffStore', 'stored', ['y', 'z']);
    await call('zRangeWithScores', 'stored', 0, -1);

    await call('zRandMember', 'stored');
    await call('zRandMember', 'none');
    await call('zRandMemberCount', 'stored', -2);
    await call('zRandMemberCountWithScores', 'stored', 2);
    await call('zScan', 'stored', 0);
    await call('zScan', 'stored', 0, { MATCH: 'x*', COUNT: 5 });
    await step('zScanIterator', async () => {
        const found = {};
        for await (const { value, score } of client.zScanIterator('z'))
            found[value] = score;
        return found;
    });

    await call('zPopMin', 'z');
    await call('zPopMin', 'none');
    await call('zPopMinCount', 'z', 1);
    await call('zPopMax', 'y');
    await call('zPopMaxCount', 'y', 1);
    await call('zmPop', ['none', 'z'], 'MIN');
    await call('zmPop', 'y', 'MAX', { COUNT: 10 });
    await call('zmPop', both, 'MAX');
    await call('exists', both);
}

/* Each blocking call is made three times: it finds something, it waits for
 * nothing, and it is woken by what another client adds. */
async function blocking(client) {
    const waiter = recorded(client.duplicate().on('error', () => {}));
    await waiter.connect();
    const blocked = async (count) =>
        (await client.info('clients')).includes(
            '\r\nblocked_clients:' + count + '\r\n');
    const thrice = async (name, add, run) => {
        await client.flushAll();
        await add();
        await step(name, () => run(LONG_S));
        await client.flushAll();
        await step(name + ' in vain', () => run(WAIT_S));
        const woken = run(LONG_S).catch((error) => error);
        await until(() => blocked(1));
        await add();
        tell(name + ' woken', await woken);
        tell('left by ' + name, [await client.exists('k'),
            await client.lRange('target', 0, -1)]);
    };
    const push = () => client.rPush('k', ['a', 'b']);
    const add = () => client.zAdd('k', [member(1, 'a'), member(2, 'b')]);
    const none = ['none', 'k'];
    await thrice('blPop', push, (s) => waiter.blPop(none, s));
    await thrice('brPop', push, (s) => waiter.brPop('k', s));
    await thrice('blMove', push,
        (s) => waiter.blMove('k', 'target', 'LEFT', 'RIGHT', s));
    await thrice('brPopLPush', push,
        (s) => waiter.brPopLPush('k', 'target', s));
    await thrice('blmPop', push,
        (s) => waiter.blmPop(s, none, 'LEFT', { COUNT: 2 }));
    await thrice('bzPopMin', add, (s) => waiter.bzPopMin(none, s));
    await thrice('bzPopMax', add, (s) => waiter.bzPopMax('k', s));
    await thrice('bzmPop', add,
        (s) => waiter.bzmPop(s, none, 'MAX', { COUNT: 2 }));
    await client.set('k', 'text');
    await step('blPop of a text', () => waiter.blPop('k', LONG_S));
    await step('blPop, a negative time', () => waiter.blPop('k', -1));
    await step('blocking calls of a transaction', () => waiter.multi()
        .blPop('none', 0).bzPopMin('none', 0).exec());
    await step('blocked, isolated', async () => {
        const waiting = client.executeIsolated((own) =>
            own.brPop('later', LONG_S));
        await until(() => blocked(1));
        await client.lPush('later', 'x');
        return waiting;
    });
    await waiter.quit();
}

/* The client keeps a connection for executeIsolated afterwards. */
async function collections(client) {
    await lists(client);
    await hashes(client);
    await sets(client);
    await sortedSets(client);
    await sortedSetsTogether(client);
    await blocking(client);
    await client.flushAll();
}

module.exports = { collections };
