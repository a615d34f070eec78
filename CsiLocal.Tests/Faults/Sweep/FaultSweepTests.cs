using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;

namespace CsiLocal.Tests.Faults.Sweep;

public sealed class FaultSweepOnImages : FaultSweepTests<ImagePool>;

public sealed class FaultSweepOnPlainDirectories : FaultSweepTests<PlainDirectoryPool>;

public sealed class FaultSweepOnBtrfsDirectories : FaultSweepTests<BtrfsDirectoryPool>;

[Trait("Vm", "yes")]
public sealed class FaultSweepOnThickLvm : FaultSweepTests<ThickLvmPool>;

[Trait("Vm", "yes")]
public sealed class FaultSweepOnThinLvm : FaultSweepTests<ThinLvmPool>;

/// <summary>
/// Every command and every commit of every call that changes something goes wrong once in every way. Then, with and without a restart in
/// between, the call is repeated: it has to succeed, and nothing may be left or lost (design §2, CONTRIBUTING.md).
/// </summary>
public abstract class FaultSweepTests<TPool>
    where TPool : TestPool, new()
{
    private const int Limit = 900_000;

    // Of three tries two are made, always the same ones and other ones of each call, unless all are asked for; in the microVM one of six.
    private const int Share = 3;
    private const int ShareInVm = 6;

    /// <summary>Where each lvm command takes a second: kills alone, of the calls that change what LVM and the file systems have.</summary>
    private static readonly string[] s_inVm = ["create", "delete", "expand", "create snapshot", "clone", "stage blank", "delete and keep"];

    // Beyond this a sweep is broken, and there is no more to be learnt from it.
    private const int MostFailures = 10;

    private readonly List<string> failures = [];
    private TPool pool = null!;
    private SweepWorld world = null!;
    private Func<SweepWorld, SweepScene> make = null!;
    private SweepScene scene = null!;
    private int serial;
    private int tries;
    private string inventory = "";

    public static TheoryData<string> Calls => [.. Scenes().Select(static entry => entry.Name).Where(static name => !Machine.IsVm || s_inVm.Contains(name))];

    [Theory(Timeout = Limit)]
    [MemberData(nameof(Calls))]
    public async Task Whatever_goes_wrong_the_repeated_call_converges(string call)
    {
        make = Scenes().Single(entry => entry.Name == call).Make;
        tries = Scenes().TakeWhile(entry => entry.Name != call).Count();
        await BeginAsync();
        try
        {
            var points = await CountAsync();
            for (var at = 1; at <= points && failures.Count < MostFailures; at++)
                await SweepAsync(at);

            await scene.TearDownAsync();
            await world.RequireConsistentAsync();
            Assert.Equal("", await world.InventoryAsync());
        }
        catch (Exception e) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            failures.Add($"before or after all points\n{e}");
        }
        finally
        {
            await EndAsync();
        }

        Assert.True(failures.Count == 0, $"{failures.Count} points did not converge:\n\n{string.Join("\n\n", failures)}");
    }

    private static IEnumerable<(string Name, Func<SweepWorld, SweepScene> Make)> Scenes()
    {
        yield return ("create", static world => new CreateScene(Mount()) { World = world });
        yield return ("restore", static world => new CopyScene(fromSnapshot: true) { World = world });
        yield return ("clone", static world => new CopyScene(fromSnapshot: false) { World = world });
        yield return ("delete", static world => new DeleteScene { World = world });
        yield return ("delete and keep", static world => new TrashScene(TrashCall.Delete) { World = world });
        yield return ("undelete", static world => new TrashScene(TrashCall.Undelete) { World = world });
        yield return ("empty trash", static world => new TrashScene(TrashCall.Empty) { World = world });
        yield return ("expand", static world => new ExpandScene(onNode: false) { World = world });
        yield return ("create snapshot", static world => new SnapshotScene(deletes: false) { World = world });
        yield return ("delete snapshot", static world => new SnapshotScene(deletes: true) { World = world });
        yield return ("stage blank", static world => new StageScene(Mount(), Staged.Blank) { World = world });
        yield return ("stage used", static world => new StageScene(Mount(), Staged.Used) { World = world });
        yield return ("stage copy", static world => new StageScene(Mount(), Staged.Copy) { World = world });
        yield return ("unstage", static world => new UnstageScene(Mount()) { World = world });
        yield return ("publish", static world => new PublishScene(Mount(), undoes: false) { World = world });
        yield return ("unpublish", static world => new PublishScene(Mount(), undoes: true) { World = world });
        yield return ("adopt", static world => new AdoptScene(raw: false) { World = world });
        if (typeof(TPool) == typeof(PlainDirectoryPool) || typeof(TPool) == typeof(BtrfsDirectoryPool))
            yield break;

        yield return ("adopt raw", static world => new AdoptScene(raw: true) { World = world });
        yield return ("create raw", static world => new CreateScene(Block()) { World = world });
        yield return ("expand raw", static world => new ExpandRawScene { World = world });
        yield return ("expand on node", static world => new ExpandScene(onNode: true) { World = world });
        yield return ("stage xfs", static world => new StageScene(Mount(filesystem: "xfs"), Staged.Blank, 300 * MiB) { World = world });
        yield return ("stage raw", static world => new StageScene(Block(), Staged.Blank) { World = world });
        yield return ("unstage raw", static world => new UnstageScene(Block()) { World = world });
        yield return ("publish raw", static world => new PublishScene(Block(), undoes: false) { World = world });
        yield return ("publish raw read-only", static world => new PublishScene(Block(), undoes: false, readOnly: true) { World = world });
        yield return ("unpublish raw read-only", static world => new PublishScene(Block(), undoes: true, readOnly: true) { World = world });
    }

    private async Task BeginAsync()
    {
        pool = new TPool();
        world = await SweepWorld.StartAsync(pool);
        scene = make(world);
        await scene.SetUpAsync();
        inventory = await world.InventoryAsync();
    }

    /// <summary>What cannot be taken apart is one more failure, and must not hide the first.</summary>
    private async Task EndAsync()
    {
        try
        {
            await world.DisposeAsync();
            pool.Dispose();
        }
        catch (Exception e)
        {
            failures.Add($"at the end\n{e}");
        }
    }

    /// <summary>The commands and commits of the call when all goes well.</summary>
    private async Task<int> CountAsync()
    {
        await scene.PrepareAsync(++serial);
        world.Faults.Arm(int.MaxValue, FaultWay.FailsBefore);
        await scene.CallAsync();
        var points = world.Faults.Seen;
        world.Faults.Disarm();
        await RequireAsync();
        return points;
    }

    /// <summary>One point in every way; with a restart after it, without one where the driver lives, and with a recovery that is killed as well.</summary>
    private async Task SweepAsync(int at)
    {
        foreach (var way in Machine.IsVm ? [FaultWay.KilledBefore, FaultWay.KilledAfter] : Enum.GetValues<FaultWay>())
        {
            await TryAsync(at, way, ", restarted", async () =>
            {
                await world.RestartAsync();
                return true;
            });
            if (way is not (FaultWay.KilledBefore or FaultWay.KilledAfter))
                await TryAsync(at, way, "", static () => Task.FromResult(true));
        }

        // One that is left out says nothing of whether there are more: the next one does.
        var again = 1;
        while (!Machine.IsVm && await TryAsync(at, FaultWay.KilledAfter, $", again at {again} of the recovery", () => world.RestartTwiceAsync(again)))
            again++;
    }

    /// <param name="at">The point.</param>
    /// <param name="way">How it goes wrong.</param>
    /// <param name="between">What happens before the call is repeated, in words.</param>
    /// <param name="betweenAsync">The same; false: there is no such point.</param>
    /// <returns>False: there is no such point, or it did not converge. True also where it is left out.</returns>
    private async Task<bool> TryAsync(int at, FaultWay way, string between, Func<Task<bool>> betweenAsync)
    {
        if (!FaultTally.TakesAll && (Machine.IsVm ? ++tries % ShareInVm != 0 : ++tries % Share == 0))
            return true;

        string? met = null;
        try
        {
            await scene.PrepareAsync(++serial);
            world.Faults.Arm(at, way);
            var status = await world.OnceAsync(scene.CallAsync);
            met = world.Faults.Met;
            Assert.True(met is not null || status == StatusCode.OK, $"nothing went wrong, and yet {status}");
            if (!world.Faults.IsDead)
                world.Faults.Disarm();

            var isPoint = await betweenAsync() && met is not null;
            await world.PatientlyAsync(scene.CallAsync);
            await RequireAsync();
            if (isPoint)
                FaultTally.Count(typeof(TPool).Name, converged: true);

            return isPoint;
        }
        catch (Exception e) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            FaultTally.Count(typeof(TPool).Name, converged: false);
            failures.Add($"{way} at {at}{between}: {met ?? "nothing"}\n{e}");
            await EndAsync();
            await BeginAsync();
            return false;
        }
    }

    /// <summary>After a call that succeeded, at last.</summary>
    private async Task RequireAsync()
    {
        await scene.RequireAsync();
        await world.RequireConsistentAsync();
        await scene.CleanUpAsync();
        Assert.Equal(inventory, await world.InventoryAsync());
    }
}
