using CsiLocal.Tests.Support;

namespace CsiLocal.Tests.Vm;

/// <summary>Some of the guest's blank disks (scripts/vm --disks), for one test; blank again afterwards.</summary>
internal sealed class BlankDisks : IDisposable
{
    private static readonly Lock Gate = new();
    private static readonly List<string> Free = Find();

    private BlankDisks(IReadOnlyList<string> paths) => Paths = paths;

    /// <summary><c>/dev/vda</c> and so on.</summary>
    public IReadOnlyList<string> Paths { get; }

    /// <summary>How many there are while no test has any.</summary>
    public static int Count { get; } = Free.Count;

    public static BlankDisks Take(int count)
    {
        lock (Gate)
        {
            if (Free.Count < count)
                throw new InvalidOperationException($"{count} blank disks needed, {Free.Count} of {Count} free; scripts/vm --disks gives more");
            var taken = Free[..count];
            Free.RemoveRange(0, count);
            return new BlankDisks(taken);
        }
    }

    public void Dispose()
    {
        foreach (var path in Paths)
            HostCommand.Run("blkdiscard", "--force", "--zeroout", path);
        lock (Gate)
            Free.AddRange(Paths);
    }

    // Of a host's disks none is blank: outside of the guest there are none.
    private static List<string> Find() =>
        Environment.GetEnvironmentVariable("CSILOCAL_VM") == "1"
            ? [.. (Environment.GetEnvironmentVariable("CSILOCAL_VM_DISKS") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)]
            : [];
}
