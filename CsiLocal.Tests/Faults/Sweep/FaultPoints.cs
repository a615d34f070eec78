using CsiLocal.Diagnostics;
using CsiLocal.State;
using CsiLocal.Tools;
using Microsoft.Data.Sqlite;

namespace CsiLocal.Tests.Faults.Sweep;

/// <summary>How a command or a commit goes wrong.</summary>
internal enum FaultWay
{
    /// <summary>Nothing was done, and it says so. A commit: another program holds the file.</summary>
    FailsBefore,

    /// <summary>It was done, and says that it was not.</summary>
    FailsAfter,

    /// <summary>It hangs until its time is over, and did nothing. A commit: the disk is full.</summary>
    HangsBefore,

    /// <summary>It hangs until its time is over, and did all of it. A commit: the disk reports an error.</summary>
    HangsAfter,

    /// <summary>The daemon is killed, and it was not begun.</summary>
    KilledBefore,

    /// <summary>The daemon is killed, and it was done.</summary>
    KilledAfter,
}

/// <summary>Where the daemon was killed: nothing in the product catches it, so nothing is tidied up.</summary>
internal sealed class KilledException : Exception
{
    public KilledException()
        : base("killed")
    {
    }
}

/// <summary>Stands around the commands and commits of one driver, over its restarts: counts those of a call, and lets one of them go wrong.</summary>
/// <remarks>
/// What runs in the background (the journal, the upkeep of pools) is not counted, or the same number would not mean the same point in the
/// next run. After a kill nothing more reaches the world, whoever asks.
/// </remarks>
internal sealed class FaultPoints
{
    private readonly Lock _gate = new();
    private int _at;
    private int _seen;
    private bool _countsAll;
    private FaultWay _way;
    private FaultWay? _commit;
    private volatile bool _isDead;
    private int _formats;

    public FaultPoints() => Commits = new CommitHooks(BeforeCommit, AfterCommit);

    public CommitHooks Commits { get; }

    /// <summary>The point that met the fault; null while none has.</summary>
    public string? Met { get; private set; }

    /// <summary>Points of calls since <see cref="Arm"/>.</summary>
    public int Seen
    {
        get
        {
            lock (_gate)
                return _seen;
        }
    }

    /// <summary>Killed, and not started again.</summary>
    public bool IsDead => _isDead;

    /// <summary>How many mkfs were really run since <see cref="CountFormats"/>.</summary>
    public int Formats => Volatile.Read(ref _formats);

    public ICommandRunner Wrap(ICommandRunner real) => new Runner(this, real);

    /// <summary>From now on the points of calls are counted, and one of them goes wrong.</summary>
    /// <param name="at">Its number, from 1.</param>
    /// <param name="way">How.</param>
    /// <param name="whileStarting">Those of a driver that starts count, not those of calls alone.</param>
    public void Arm(int at, FaultWay way, bool whileStarting = false)
    {
        lock (_gate)
            (_at, _way, _countsAll, _seen, Met) = (at, way, whileStarting, 0, null);
    }

    /// <summary>All goes well again.</summary>
    public void Disarm()
    {
        lock (_gate)
            (_at, _isDead) = (0, false);
    }

    /// <summary>From here on mkfs are counted.</summary>
    public void CountFormats() => Volatile.Write(ref _formats, 0);

    private FaultWay? Next(string what)
    {
        lock (_gate)
        {
            if (_at == 0 || !(_countsAll || OperationScope.Current is not null) || ++_seen != _at)
                return null;

            Met = what;
            return _way;
        }
    }

    private KilledException Kill()
    {
        _isDead = true;
        return new KilledException();
    }

    private async Task<ToolOutput> RunAsync(ToolCommand command, Func<Task<ToolOutput>> run)
    {
        RequireAlive(command);
        var way = Next(command.ToString());
        var output = way is null or FaultWay.FailsAfter or FaultWay.HangsAfter or FaultWay.KilledAfter
            ? await ReallyAsync(command, run)
            : null;
        return way switch
        {
            null => output!,
            FaultWay.FailsBefore or FaultWay.FailsAfter => new ToolOutput(32, "", $"{command.Program}: it failed"),
            FaultWay.HangsBefore or FaultWay.HangsAfter =>
                throw new ToolException(command, ToolFailure.TimedOut, $"{command.Program} did not end in time and was killed"),
            _ => throw Kill(),
        };
    }

    private Task<ToolOutput> ReallyAsync(ToolCommand command, Func<Task<ToolOutput>> run)
    {
        if (command.Program.StartsWith("mkfs.", StringComparison.Ordinal))
            Interlocked.Increment(ref _formats);

        return run();
    }

    private void RequireAlive(ToolCommand command)
    {
        if (!_isDead)
            return;

        // A chore must not bring its loop down, which the driver that is taken apart still waits for.
        throw OperationScope.Current is null && !_countsAll
            ? new ToolException(command, ToolFailure.NotStarted, "the daemon was killed")
            : new KilledException();
    }

    private void BeforeCommit(string operation)
    {
        var isHistory = operation == StateStore.JournalFlush;
        if (_isDead)
            throw isHistory ? new SqliteException("the daemon was killed", 10) : new KilledException();

        _commit = isHistory ? null : Next($"commit: {operation}");
        switch (_commit)
        {
            case FaultWay.FailsBefore:
                throw new SqliteException("database is locked", 5);
            case FaultWay.HangsBefore:
                throw new SqliteException("database or disk is full", 13);
            case FaultWay.HangsAfter:
                throw new SqliteException("disk I/O error", 10);
            case FaultWay.KilledBefore:
                throw Kill();
        }
    }

    private void AfterCommit(string operation)
    {
        switch (_commit)
        {
            case FaultWay.FailsAfter:
                throw new SqliteException("disk I/O error", 10);
            case FaultWay.KilledAfter:
                throw Kill();
        }
    }

    private sealed class Runner(FaultPoints points, ICommandRunner real) : ICommandRunner
    {
        public Task<ToolOutput> RunAsync(ToolCommand command, CancellationToken cancellationToken) =>
            points.RunAsync(command, () => real.RunAsync(command, cancellationToken));
    }
}
