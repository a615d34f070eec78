using CsiLocal.Backends.Lvm;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

public sealed class LvmErrorsTests
{
    private static readonly (LvmProblem Problem, StorageError Error, string Names)[] Expected =
    [
        (LvmProblem.TooOld, StorageError.Unavailable, "too-old"),
        (LvmProblem.VolumeGroupNotFound, StorageError.Unavailable, "volume-group-not-found report-of-no-group devices-not-there"),
        (LvmProblem.LogicalVolumeNotFound, StorageError.NotFound, "volume-not-found tags-of-no-volume rename-of-no-volume origin-not-found thin-origin-not-found"),
        (LvmProblem.ThinPoolNotFound, StorageError.Unavailable, "pool-not-found"),
        (LvmProblem.AlreadyExists, StorageError.AlreadyExists,
            "already-exists rename-already-exists thin-already-exists snapshot-already-exists group-already-exists active-group-already-exists name-is-a-device"),
        (LvmProblem.DuplicateNames, StorageError.Unavailable, "duplicate-names duplicate-names-report"),
        (LvmProblem.DevicesMissing, StorageError.Unavailable,
            "devices-missing devices-missing-extend device-fails partial-is-activated partial-is-refreshed update-of-partial update-while-missing"),
        (LvmProblem.Exported, StorageError.Unavailable, "exported"),
        (LvmProblem.ForeignSystemId, StorageError.Unavailable, "foreign foreign-report"),
        (LvmProblem.Locked, StorageError.Unavailable, "locked locks-read-only lockd-failed lockd-global lockd-needed access-after-failed-lock"),
        (LvmProblem.HasThatSizeAlready, StorageError.AlreadyExists, "same-size smaller"),
        (LvmProblem.NoSpace, StorageError.ResourceExhausted,
            "no-space no-space-extend no-space-raid no-space-striped too-few-devices too-many-copies"),
        (LvmProblem.TooFewDevices, StorageError.ResourceExhausted, "too-many-stripes too-few-devices-for-raid"),
        (LvmProblem.MetadataAreaFull, StorageError.ResourceExhausted, "metadata-area-full metadata-area-wrapped"),
        (LvmProblem.InUse, StorageError.FailedPrecondition, "open mounted stacked busy"),
        (LvmProblem.HasSnapshots, StorageError.FailedPrecondition, "origin-grows"),
        (LvmProblem.ThinPoolFull, StorageError.ResourceExhausted,
            "pool-full pool-full-snapshot pool-above-threshold pool-above-threshold-of-a-pool pool-metadata-full"),
        (LvmProblem.ThinPoolDamaged, StorageError.Unavailable,
            "pool-damaged pool-failed pool-needs-check pool-read-only pool-transaction pool-of-another-transaction"),
        (LvmProblem.DeviceExcluded, StorageError.FailedPrecondition, "filtered not-in-devices-file device-too-small device-excluded device-twice"),
        (LvmProblem.DeviceNotBlank, StorageError.FailedPrecondition,
            "has-a-signature group-on-a-signature is-in-a-group group-of-a-member extend-by-a-member"),
        (LvmProblem.DeviceNodeMissing, StorageError.Unavailable, "no-such-device"),
        (LvmProblem.Udev, StorageError.Unavailable, "own-dev semaphore"),
        (LvmProblem.PermissionDenied, StorageError.Unavailable, "not-root not-permitted"),
        (LvmProblem.NoDeviceMapper, StorageError.Unavailable, "no-control without-device-mapper"),
        (LvmProblem.ModuleMissing, StorageError.Unavailable, "no-module no-module-activation"),
        (LvmProblem.IoError, StorageError.Unavailable, "cannot-be-read cannot-be-written"),
    ];

    public static TheoryData<string> Failures => [.. Captured.Failures];

    [Fact]
    public void Every_captured_failure_is_in_the_table_of_this_test()
    {
        Assert.Equal(Expected.SelectMany(static entry => entry.Names.Split(' ')).Order(StringComparer.Ordinal), Captured.Failures);
    }

    [Theory]
    [MemberData(nameof(Failures))]
    public void What_lvm_says_becomes_an_error_and_a_remedy(string name)
    {
        var output = Captured.Failure(name);
        var (problem, error, _) = Expected.Single(entry => entry.Names.Split(' ').Contains(name));

        var e = LvmErrors.ToException("lvcreate vg/v", output);

        Assert.Equal((problem, error), (LvmErrors.Classify(output), e.Error));
        Assert.StartsWith("lvcreate vg/v: ", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Theory]
    [InlineData("no-space", "Volume group \"vg\" has insufficient free space (628 extents): 25600 required.", "add a device")]
    [InlineData("pool-transaction", "Thin pool vg/pool has unexpected transaction id 10, expecting 3.", "a person has to look")]
    [InlineData("devices-missing", "Cannot change VG vg while PVs are missing.", "bring the device back")]
    [InlineData("not-root", "/dev/mapper/control: open failed: Permission denied", "privileged")]
    [InlineData("no-module", "raid1: Required device-mapper target(s) not detected in your kernel.", "modprobe")]
    [InlineData("too-old", "lvcreate: unrecognized option '--devices'", "2.03.12")]
    public void The_line_that_says_why_is_told_with_what_to_do(string name, string line, string remedy)
    {
        var e = LvmErrors.ToException("lvcreate vg/v", Captured.Failure(name));

        Assert.Equal($"lvcreate vg/v: {line}", e.Message);
        Assert.Contains(remedy, e.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_rule_of_the_table_is_there_for_a_message()
    {
        var lines = Captured.Failures.SelectMany(static name => Captured.Failure(name).StandardError.Split('\n')).ToList();

        Assert.All(LvmRules.All, rule => Assert.Contains(lines, rule.Fits));
    }

    [Fact]
    public void An_unknown_message_is_told_as_it_is()
    {
        var output = new ToolOutput(5, "  chatter\n", "  WARNING: thin pools\nFile descriptor 3 (pipe) leaked on lvm invocation. Parent PID 1: x\n  New trouble.\n  Cannot process.\n");

        var e = LvmErrors.ToException("lvextend vg/v", output);

        Assert.Equal((StorageError.Internal, "lvextend vg/v: exit code 5: New trouble."), (e.Error, e.Message));
        Assert.Equal(LvmProblem.Unknown, LvmErrors.Classify(output));
    }

    [Fact]
    public void A_silent_failure_is_told_too()
    {
        Assert.Equal("lvs vg: exit code 5: it said nothing", LvmErrors.ToException("lvs vg", new ToolOutput(5, "", "  \n")).Message);
    }

    [Fact]
    public void A_warning_is_no_reason()
    {
        Assert.Equal(LvmProblem.Unknown, LvmErrors.Classify(new ToolOutput(5, "", "  WARNING: Volume group \"other\" not found\n")));
    }

    [Theory]
    [InlineData("a*b", "xaxbx", true)]
    [InlineData("a*b", "xbxax", false)]
    [InlineData("A*b", "xaxBx", true)]
    [InlineData("aa*a", "aa", false)]
    [InlineData("plain", "so plain", true)]
    public void A_pattern_is_parts_in_their_order(string pattern, string line, bool fits)
    {
        Assert.Equal(fits, new LvmRule(LvmProblem.Unknown, StorageError.Internal, pattern, null).Fits(line));
    }
}
