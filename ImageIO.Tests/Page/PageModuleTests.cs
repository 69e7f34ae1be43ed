namespace ImageIO.Tests.Page;

/// <summary>The page's modules that decide and move nothing, against what they are to be, at random.</summary>
[Collection(PageFixture.Collection)]
[Trait("Needs", "Chromium")]
public sealed class PageModuleTests(PageFixture fixture)
{
    [SkippableFact(Timeout = 30_000)]
    public async Task Range_set_is_a_set_of_bytes()
    {
        string wrong = await RunAsync("ranges.js", """
            ({ RangeSet }) => {
                for (let round = 0; round < 300; round++) {
                    const set = new RangeSet();
                    const bytes = new Array(64).fill(false);
                    const log = [];
                    for (let i = 0; i < 20; i++) {
                        const [a, b] = [Math.floor(Math.random() * 65), Math.floor(Math.random() * 65)]
                            .sort((x, y) => x - y);
                        const isIn = Math.random() < 0.6;
                        log.push([isIn, a, b]);
                        isIn ? set.add(a, b) : set.remove(a, b);
                        bytes.fill(isIn, a, b);
                        const got = new Array(64).fill(false);
                        let last = -1;
                        for (const { start, end } of set) {
                            if (start <= last || start >= end) return `not merged: ${JSON.stringify(log)}`;
                            got.fill(true, start, end);
                            last = end;
                        }
                        const [c, d] = [Math.floor(Math.random() * 65), Math.floor(Math.random() * 65)]
                            .sort((x, y) => x - y);
                        const within = new Array(64).fill(false);
                        for (const { start, end } of set.within(c, d)) within.fill(true, start, end);
                        const missing = new Array(64).fill(false);
                        for (const { start, end } of set.missing(c, d)) missing.fill(true, start, end);
                        const part = bytes.map((x, i) => x && i >= c && i < d);
                        if (String(got) !== String(bytes) || String(within) !== String(part)
                            || String(missing) !== String(bytes.map((x, i) => !x && i >= c && i < d))
                            || set.contains(c, d) !== bytes.slice(c, d).every(Boolean)
                            || set.total !== bytes.filter(Boolean).length) return JSON.stringify([log, c, d]);
                    }
                }
                return '';
            }
            """);

        Assert.Equal("", wrong);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Runs_of_zeroes_are_found_where_they_are()
    {
        string wrong = await RunAsync("plan.js", """
            ({ runsOf, isAllZero, GRAIN }) => {
                for (let round = 0; round < 40; round++) {
                    const bytes = new Uint8Array(Math.floor(Math.random() * 12 * GRAIN) + 1);
                    for (let at = 0; at < bytes.length; at += GRAIN) {
                        const other = Math.min(bytes.length - 1, at + Math.floor(Math.random() * GRAIN));
                        if (Math.random() < 0.5) bytes[other] = 1;
                    }
                    let at = 1 << 30;
                    for (const run of runsOf(bytes, at)) {
                        if (run.start !== at || run.end <= run.start) return 'a gap';
                        for (let grain = run.start; grain < run.end; grain += GRAIN) {
                            const last = Math.min(grain + GRAIN, run.end);
                            const part = bytes.subarray(grain - (1 << 30), last - (1 << 30));
                            if (part.every((byte) => byte === 0) !== run.isZero) return `wrong at ${grain}`;
                        }
                        at = run.end;
                    }
                    if (at - (1 << 30) !== bytes.length) return 'an end is missing';
                }
                for (let i = 0; i < 70; i++) {
                    const bytes = new Uint8Array(70);
                    bytes[i] = 128;
                    const isOthersZero = isAllZero(bytes, 0, i) && isAllZero(bytes, i + 1, 70);
                    if (isAllZero(bytes, 0, 70) || !isOthersZero) return `byte ${i}`;
                }
                return '';
            }
            """);

        Assert.Equal("", wrong);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Plan_hands_out_each_byte_once_merges_zeroes_and_repeats_only_what_is_lost()
    {
        string wrong = await RunAsync("plan.js", """
            async ({ UploadPlan, PIECE, LARGEST_ZERO }, ) => {
                const { RangeSet } = await import(new URL('ranges.js', folder));
                const size = 40 * PIECE + 5;
                const plan = new UploadPlan(
                    size, new RangeSet([PIECE * 2, PIECE * 3]), new RangeSet([PIECE * 4, PIECE * 6]));
                const seen = [];
                for (let piece = plan.nextPiece(); piece !== null; piece = plan.nextPiece()) {
                    seen.push(piece.start / PIECE);
                    plan.scanned.add(piece.start, piece.end);
                    // All is zero but the first two pieces and the last.
                    if (piece.start >= 2 * PIECE && piece.end < size) plan.foundZero(piece);
                }
                if (seen.length !== 39 || seen.includes(4) || seen.includes(5)) return `pieces ${seen}`;
                const zeroes = [];
                const takeZero = () => plan.takeZero(false) ?? plan.takeZero(true);
                for (let zero = takeZero(); zero !== null; zero = takeZero()) {
                    zeroes.push([zero.start / PIECE, zero.end / PIECE]);
                    if (zero.end - zero.start > LARGEST_ZERO) return 'too large a zero';
                    plan.sent.add(zero.start, zero.end);
                }
                if (JSON.stringify(zeroes) !== '[[3,4],[6,22],[22,38],[38,40]]') return JSON.stringify(zeroes);
                plan.sent.add(0, 2 * PIECE);
                plan.sent.add(40 * PIECE, size);
                const covered = plan.sent.clone();
                plan.sent.remove(0, PIECE);
                covered.remove(0, PIECE);
                plan.flushed(covered);
                plan.sent.add(0, PIECE);
                plan.lost();
                const again = plan.nextPiece();
                if (again?.start !== 0 || plan.nextPiece() !== null) return 'not only the lost is sent again';
                const missing = JSON.stringify(plan.missing({ start: 0, end: size }));
                if (missing !== JSON.stringify([{ start: 0, end: PIECE }])) return 'missing';
                return '';
            }
            """);

        Assert.Equal("", wrong);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Checksum_is_refused_when_a_block_was_never_looked_at()
    {
        string failure = await RunAsync("hashes.js", """
            async ({ BlockHashes }) => {
                const hashes = new BlockHashes();
                hashes.setZero(0, 2);
                hashes.set(3, new Uint8Array(32));
                return hashes.checksum(4 * 4194304).then(() => 'made', (error) => error.kind);
            }
            """);

        Assert.Equal("bug", failure);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Links_are_read_in_every_form_that_people_have()
    {
        PageVisit page = await fixture.VisitAsync();
        string[] read = await page.DisposingAsync(visit => visit.ImportAsync<string[]>("link.js", """
            ({ parseLink, imagePath }) => {
                const signed = btoa(JSON.stringify({ data: JSON.stringify({ 'transfer-ticket': 'in/side' }) }));
                return [
                    '', '#', ' 1234 ', '#1234', 'a%20b', 'https://here:1/images/x/y',
                    'https://here:1//images/x', 'https://here:1/#x',
                    'HTTPS://HERE:1/#x', 'https://there:1/images/x', 'https://there/#x', 'https://here:1/info/',
                    'https://', 'two words',
                    signed, `#${encodeURIComponent(signed)}`, `${signed.slice(0, 9)}\n${signed.slice(9)}`,
                ].map((text) => {
                    const parsed = parseLink(text, 'https://here:1');
                    if (parsed.kind !== 'link') return `${parsed.kind}${parsed.url ?? ''}`;
                    return imagePath(parsed.link) + (parsed.link.signed === signed ? ' signed' : '');
                });
            }
            """));

        Assert.Equal(
            [
                "none", "none", "/images/1234", "/images/1234", "wrong", "/images/x/y", "/images/x", "/images/x",
                "/images/x", "elsewherehttps://there:1/#x", "elsewherehttps://there/#x", "wrong", "wrong", "wrong",
                "/images/in/side signed", "/images/in/side signed", "/images/in/side signed",
            ],
            read);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Line_waits_longer_each_time_and_wakes_from_a_sleep()
    {
        string told = await RunAsync("line.js", """
            async ({ Line }) => {
                const { Failure } = await import(new URL('failure.js', folder));
                // Time and timers of our own, from here on.
                let now = 1_000_000;
                const timers = new Map();
                let next = 1;
                globalThis.setTimeout = (run, wait) => { timers.set(next, { run, at: now + wait }); return next++; };
                globalThis.clearTimeout = (id) => timers.delete(id);
                let tick = () => {};
                globalThis.setInterval = (run) => { tick = run; return 0; };
                Date.now = () => now;
                Math.random = () => 0.5;
                const settle = async () => { for (let i = 0; i < 50; i++) await Promise.resolve(); };
                const waits = [];
                let isUp = false;
                const line = new Line(async () => { if (!isUp) throw new Failure('network'); }, () => {});
                const first = line.attempt(async () => { throw new Failure('network'); });
                await settle();
                for (let i = 0; i < 8; i++) {
                    const [id, timer] = [...timers][0];
                    waits.push((timer.at - now) / 1000);
                    now = timer.at;
                    isUp = i === 7;
                    timers.delete(id);
                    timer.run();
                    await settle();
                }
                const result = [await first, line.failure];
                // A request hangs while the computer sleeps.
                const hanging = line.attempt(({ signal }) => new Promise((_, reject) => {
                    signal.addEventListener('abort', () => reject(signal.reason));
                }));
                await settle();
                now += 1000;
                tick();
                now += 3_600_000;
                tick();
                return JSON.stringify([waits, ...result, await hanging]);
            }
            """);

        Assert.Equal("[[1,2,4,8,16,30,30,30],false,null,false]", told);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Server_that_failed_before_it_went_may_come_back_without_the_ticket()
    {
        string told = await RunAsync("line.js", """
            async ({ Line }) => {
                const { Failure } = await import(new URL('failure.js', folder));
                globalThis.setTimeout = (run) => { queueMicrotask(run); return 1; };
                globalThis.clearTimeout = () => {};
                globalThis.setInterval = () => 0;
                const after = async (first) => {
                    const answers = ['unknown', 'network', 'unknown'];
                    const line = new Line(async () => {
                        const kind = answers.shift();
                        if (kind !== undefined) throw new Failure(kind);
                    }, () => {});
                    const work = line.attempt(async () => { throw new Failure(first); });
                    return work.then(String, (failure) => failure.kind);
                };
                // A request that the browser has sent again by itself, to the server that came instead.
                let isBack = false;
                const line = new Line(async () => { if (!isBack) throw new Failure('unknown'); }, () => {});
                let fail = () => {};
                const old = line.attempt(() => new Promise((_, reject) => { fail = reject; }));
                const lost = line.attempt(async () => { throw new Failure('network'); });
                await null;
                await null;
                fail(new Failure('unknown'));
                const both = Promise.all([old, lost]).then(String, (failure) => failure.kind);
                isBack = true;
                return JSON.stringify([
                    await after('network'), await after('storage'), await after('unknown'), await both,
                ]);
            }
            """);

        Assert.Equal("""["false","false","unknown","false,false"]""", told);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Read_that_does_not_end_is_tried_again_and_fails_at_last()
    {
        string told = await RunAsync("source.js", """
            async ({ readFile }) => {
                const timers = new Set();
                globalThis.setTimeout = (run) => { timers.add(run); return run; };
                globalThis.clearTimeout = (run) => timers.delete(run);
                const settle = async () => { for (let i = 0; i < 50; i++) await Promise.resolve(); };
                // The file answers at an attempt, or never.
                const read = async (answered) => {
                    let attempts = 0;
                    const file = {
                        slice: () => ({
                            arrayBuffer: () => new Promise((resolve) => {
                                if (++attempts === answered) resolve(new ArrayBuffer(8));
                            }),
                        }),
                    };
                    const reading = readFile(file, 0, 8).then((bytes) => bytes.length, (failure) => failure.kind);
                    for (await settle(); timers.size > 0; await settle()) [...timers][0]();
                    return [attempts, await reading];
                };
                return JSON.stringify([await read(1), await read(3), await read(0)]);
            }
            """);

        Assert.Equal("[[1,8],[3,8],[3,\"unread\"]]", told);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Stream_that_stands_still_is_given_up_and_the_piece_read_again_into_other_memory()
    {
        string told = await RunAsync("source.js", """
            async ({ readInto }) => {
                const timers = new Set();
                globalThis.setTimeout = (run) => { timers.add(run); return run; };
                globalThis.clearTimeout = (run) => timers.delete(run);
                const settle = async () => { for (let i = 0; i < 50; i++) await Promise.resolve(); };
                let given = 0;
                // Like a browser: a read takes its memory along. The first stream gives four bytes and then nothing.
                const reader = (attempt) => ({
                    read: async (view) => {
                        const { byteOffset } = view;
                        const buffer = structuredClone(view.buffer, { transfer: [view.buffer] });
                        if (attempt === 1 && byteOffset > 0) return new Promise(() => {});
                        const value = new Uint8Array(buffer, byteOffset, 4).fill(attempt);
                        return { value, done: false };
                    },
                    cancel: async () => { given++; },
                });
                let attempts = 0;
                const file = { slice: () => ({ size: 8, stream: () => ({ getReader: () => reader(++attempts) }) }) };
                const reading = readInto(file, 0, 8, new ArrayBuffer(16));
                for (await settle(); timers.size > 0; await settle()) [...timers][0]();
                const bytes = await reading;
                return JSON.stringify([attempts, given, Array.from(bytes), bytes.buffer.byteLength]);
            }
            """);

        Assert.Equal("[2,2,[2,2,2,2,2,2,2,2],16]", told);
    }

    private async Task<string> RunAsync(string module, string script) =>
        await (await fixture.VisitAsync()).DisposingAsync(visit => visit.ImportAsync<string>(module, script));
}
