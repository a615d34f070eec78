using CsiLocal.Backends.Lvm;
using CsiLocal.Configuration;
using Xunit;
using static CsiLocal.Tests.Backends.Lvm.ThinPools;

namespace CsiLocal.Tests.Backends.Lvm;

public sealed class ThinPoolHealthTests
{
    private static readonly LvmPoolOptions Never = Options with { ExtendAtPercent = 100 };

    /// <summary>Name of the case, what is found, a word of the remedy.</summary>
    public static readonly TheoryData<string, string, string> Cases = new()
    {
        { "well", "", "" },
        { "due", "", "" },
        { "data starved", "Degraded ThinPoolNearlyFull", "vgextend vg DEVICE" },
        { "data never extended", "Degraded ThinPoolNearlyFull", "extendAt: 100" },
        { "metadata starved", "Degraded ThinPoolMetadataNearlyFull", "vgextend vg DEVICE" },
        { "metadata never extended", "Degraded ThinPoolMetadataNearlyFull", "extendAt: 100" },
        { "waiting", "Inaccessible ThinPoolFull", "at once, and no write is lost: give the volume group a disk" },
        { "erring", "Inaccessible ThinPoolFull", "unmounted and mounted again" },
        { "waiting, metadata starved", "Inaccessible ThinPoolFull, Degraded ThinPoolMetadataNearlyFull", "" },
        { "out of metadata", "Inaccessible ThinPoolReadOnly", "vgextend vg DEVICE" },
        { "to be checked", "Inaccessible ThinPoolNeedsCheck", "lvconvert --repair vg/pool0" },
        { "failed", "Inaccessible ThinPoolFailed", "lvconvert --repair vg/pool0" },
        { "inactive", "Inaccessible ThinPoolInactive", "lvchange --activate y vg/pool0" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void What_is_wrong_is_said_with_what_to_do(string name, string expected, string remedy)
    {
        var (facts, options) = Case(name);
        var plan = facts is null ? ThinPoolPlan.Nothing : new ThinPoolPolicy(options, 0).Plan(facts);

        var findings = ThinPoolHealth.Inspect(facts, plan, options, "vg/pool0");

        Assert.Equal(expected, string.Join(", ", findings.Select(static finding => $"{finding.Status} {finding.Reason}")));
        Assert.All(findings, static finding => Assert.Contains("vg/pool0", finding.Message, StringComparison.Ordinal));
        if (remedy.Length > 0)
            Assert.Contains(remedy, findings[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void How_full_it_is_is_said_in_per_cent_and_bytes()
    {
        var (facts, options) = Case("data starved");

        var finding = Assert.Single(ThinPoolHealth.Inspect(facts, new ThinPoolPlan { IsDataStarved = true }, options, "vg/pool0"));

        Assert.StartsWith($"thin pool vg/pool0 is 90 % full ({9 * GiB} of {10 * GiB} bytes)", finding.Message, StringComparison.Ordinal);
    }

    private static (ThinPoolFacts? Facts, LvmPoolOptions Options) Case(string name)
    {
        var full = Facts with { UsedDataBytes = 10 * GiB, GroupFreeBytes = 0, Mode = ThinPoolMode.OutOfDataSpace };
        return name switch
        {
            "well" => (Facts, Options),
            "due" => (Facts with { UsedDataBytes = 9 * GiB, UsedMetadataBytes = 12 * MiB }, Options),
            "data starved" => (Facts with { UsedDataBytes = 9 * GiB, GroupFreeBytes = 0 }, Options),
            "data never extended" => (Facts with { UsedDataBytes = 9_900 * MiB }, Never),
            "metadata starved" => (Facts with { UsedMetadataBytes = 12 * MiB, GroupFreeBytes = 2 * MiB }, Options),
            "metadata never extended" => (Facts with { UsedMetadataBytes = 16 * MiB }, Never),
            "waiting" => (full, Options),
            "erring" => (full with { ErrorsWhenFull = true }, Options),
            "waiting, metadata starved" => (full with { UsedMetadataBytes = 12 * MiB }, Options),
            "out of metadata" => (Facts with { Mode = ThinPoolMode.ReadOnly, UsedMetadataBytes = 16 * MiB }, Options),
            "to be checked" => (Facts with { Mode = ThinPoolMode.ReadOnly, NeedsCheck = true }, Options),
            "failed" => (Facts with { Mode = ThinPoolMode.Failed }, Options),
            "inactive" => (null, Options),
            _ => throw new ArgumentOutOfRangeException(nameof(name), name, null),
        };
    }
}
