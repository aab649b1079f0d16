/* A transcript of what a client library does: one line of JSON on stdout for
 * each step. tests/py/test_node.py runs a script against diskstore and against
 * redis-server and compares the lines; what differs from run to run (numbers
 * of clients, times) is not told by the scripts.
 *
 *   step(name, function)   calls it and tells what it gave, or its error
 *   tell(name, value)      tells a value
 *   ask(what)              waits until the test has done something ("restart")
 *   until(condition)       polls until it holds
 *   recorded(client)       the client, remembering which methods are called
 *   end()                  tells these, and all methods that there are; ends */
'use strict';

const readline = require('readline');

const POLL_MS = 5;

const called = new Set();
const methods = new Set();
const answers = readline.createInterface({ input: process.stdin })
    [Symbol.asyncIterator]();

function write(line, written) {
    process.stdout.write(JSON.stringify(line) + '\n', written);
}

/* JSON knows neither of these. */
function plain(value) {
    if (value === undefined)
        return 'undefined';
    if (Buffer.isBuffer(value))
        return { buffer: value.toString('hex') };
    if (value instanceof Error)
        return { error: value.constructor.name, message: value.message };
    if (value instanceof Map)
        return plain(Object.fromEntries(value));
    if (Array.isArray(value))
        return value.map(plain);
    if (value instanceof Date)
        return value.toISOString();
    if (value !== null && typeof value === 'object')
        return Object.fromEntries(
            Object.entries(value).map(([name, one]) => [name, plain(one)]));
    return typeof value === 'bigint' ? value.toString() + 'n' : value;
}

function tell(name, value) {
    write({ step: name, value: plain(value) });
}

async function step(name, run) {
    let value;
    try {
        value = await run();
    } catch (error) {
        value = error;
    }
    tell(name, value);
    return value;
}

async function ask(what) {
    write({ ask: what });
    await answers.next();
}

async function until(condition) {
    while (!await condition())
        await new Promise((resume) => setTimeout(resume, POLL_MS));
}

function recorded(client) {
    for (let at = client; at && at !== Object.prototype;
        at = Object.getPrototypeOf(at))
        for (const [name, one] of
            Object.entries(Object.getOwnPropertyDescriptors(at)))
            if (typeof one.value === 'function')
                methods.add(name);
    return new Proxy(client, {
        get(target, name) {
            const value = Reflect.get(target, name, target);
            if (typeof value !== 'function')
                return value;
            return (...words) => {
                called.add(name);
                return value.apply(target, words);
            };
        }
    });
}

function end() {
    write({ called: [...called], methods: [...methods] },
        () => process.exit(0)); // whatever a client still waits for
}

module.exports = { step, tell, ask, until, recorded, end };
