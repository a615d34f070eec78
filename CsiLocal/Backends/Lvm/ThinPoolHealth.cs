using System.Globalization;
using CsiLocal.Configuration;
using CsiLocal.Volumes;

namespace CsiLocal.Backends.Lvm;

/// <summary>A thin pool's state in words for people. Pure.</summary>
internal static class ThinPoolHealth
{
    /// <summary>Everything that is wrong with the pool now, the worst first.</summary>
    /// <param name="facts">The pool as it is; null where the kernel knows no such pool.</param>
    /// <param name="plan">What the guardian makes of it.</param>
    /// <param name="options">Thresholds.</param>
    /// <param name="pool">VG/pool.</param>
    public static IReadOnlyList<HealthFinding> Inspect(ThinPoolFacts? facts, ThinPoolPlan plan, LvmPoolOptions options, string pool)
    {
        if (facts is null)
        {
            return
            [
                new HealthFinding(
                    HealthStatus.Inaccessible, "ThinPoolInactive",
                    $"thin pool {pool} is not active: none of its volumes can be read or written; see why with: lvchange --activate y {pool}"),
            ];
        }

        var findings = new List<HealthFinding>();
        if (Broken(facts, pool) is { } broken)
            findings.Add(new HealthFinding(HealthStatus.Inaccessible, broken.Reason, $"{broken.Fact}; {broken.Remedy}"));
        if (facts.Mode is ThinPoolMode.Failed or ThinPoolMode.ReadOnly)
            return findings;

        if (IsNearlyFull(facts.UsedMetadataBytes, facts.MetadataBytes, plan.IsMetadataStarved, options))
        {
            findings.Add(new HealthFinding(
                HealthStatus.Degraded, "ThinPoolMetadataNearlyFull",
                $"the metadata of thin pool {pool} is {Text(facts.MetadataPercent)} % full ({facts.UsedMetadataBytes} of {facts.MetadataBytes} bytes) and "
                    + $"{Hindrance(options)}; when it is full, writes fail and the pool has to be repaired; {MakeMetadataRoom(pool)}"));
        }

        if (facts.Mode == ThinPoolMode.Writable && IsNearlyFull(facts.UsedDataBytes, facts.DataBytes, plan.IsDataStarved, options))
        {
            findings.Add(new HealthFinding(
                HealthStatus.Degraded, "ThinPoolNearlyFull",
                $"thin pool {pool} is {Text(facts.DataPercent)} % full ({facts.UsedDataBytes} of {facts.DataBytes} bytes) and {Hindrance(options)}; "
                    + $"when it is full, writes wait and then fail; {MakeRoom(pool)}"));
        }

        return findings;
    }

    /// <summary>Why the pool does not serve as it should; null where it does.</summary>
    public static (string Reason, string Fact, string Remedy)? Broken(ThinPoolFacts facts, string pool) => facts switch
    {
        { Mode: ThinPoolMode.Failed } => (
            "ThinPoolFailed", $"thin pool {pool} has failed: its metadata cannot be used, and all reads and writes fail", Repair(pool)),
        { NeedsCheck: true } => (
            "ThinPoolNeedsCheck", $"the metadata of thin pool {pool} has to be checked: writes fail since it could not be written", Repair(pool)),
        { Mode: ThinPoolMode.ReadOnly } => (
            "ThinPoolReadOnly", $"the metadata of thin pool {pool} is full: writes fail ({facts.UsedMetadataBytes} of {facts.MetadataBytes} bytes in use)",
            MakeMetadataRoom(pool)),
        { Mode: ThinPoolMode.OutOfDataSpace, ErrorsWhenFull: false } => (
            "ThinPoolFull",
            $"thin pool {pool} is full: writes to new blocks wait, and fail when that has lasted for the kernel's no_space_timeout (60 s unless it was changed)",
            $"at once, and no write is lost: {MakeRoom(pool)}"),
        { Mode: ThinPoolMode.OutOfDataSpace } => (
            "ThinPoolFull",
            $"thin pool {pool} is full: writes to new blocks fail",
            $"{MakeRoom(pool)}; then look at its file systems: one that turned read-only has to be unmounted and mounted again"),
        _ => null,
    };

    public static string MakeRoom(string pool) =>
        $"give the volume group a disk (vgextend {Group(pool)} DEVICE; the pool is then extended by itself), or delete snapshots or volumes, or fstrim mounted ones";

    public static string MakeMetadataRoom(string pool) =>
        $"give the volume group a disk (vgextend {Group(pool)} DEVICE; the metadata is then extended by itself), or delete snapshots or volumes";

    private static string Repair(string pool) =>
        $"unmount its volumes, deactivate them and the pool (lvchange --activate n), then: lvconvert --repair {pool}, and lvchange --activate y (lvmthin(7), Metadata check and repair)";

    private static string Hindrance(LvmPoolOptions options) => options.ExtendAtPercent >= 100
        ? "is never extended (extendAt: 100)"
        : "its volume group has nothing left to extend it with";

    private static bool IsNearlyFull(long used, long size, bool isStarved, LvmPoolOptions options) =>
        isStarved || (options.ExtendAtPercent >= 100 && (Int128)used * 100 >= (Int128)size * options.StopAtPercent);

    private static string Group(string pool) => pool[..pool.IndexOf('/', StringComparison.Ordinal)];

    private static string Text(double percent) => percent.ToString("0.#", CultureInfo.InvariantCulture);
}
