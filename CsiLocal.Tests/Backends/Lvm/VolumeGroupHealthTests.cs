using CsiLocal.Backends.Lvm;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Lvm;

public sealed class VolumeGroupHealthTests
{
    private const long Extent = 4 << 20;

    /// <summary>Extents free on each device by the report, extents free in the group by now, and what is left on each.</summary>
    [Theory]
    [InlineData("10 6 6", 22, "10 6 6")]
    [InlineData("10 6 6", 20, "8 6 6")]
    [InlineData("10 6 6", 18, "6 6 6")]
    [InlineData("10 6 6", 15, "5 5 5")]
    [InlineData("10 6 6", 14, "4 4 4")]
    [InlineData("10 6 6", 0, "0 0 0")]
    [InlineData("10", 3, "3")]
    [InlineData("0 0", 0, "0 0")]
    [InlineData("", 0, "")]
    public void Space_that_changes_of_ours_took_is_taken_from_the_devices_that_have_most(string reported, long groupFree, string expected)
    {
        var report = Report(groupFree, [.. Numbers(reported).Select(static free => Device(free))]);

        Assert.Equal(Numbers(expected).Select(static extents => extents * Extent), VolumeGroupHealth.FreeByDevice(report));
    }

    [Fact]
    public void What_is_taken_never_promises_more_than_there_is()
    {
        var random = new Random(7);
        for (var round = 0; round < 2000; round++)
        {
            var devices = Enumerable.Range(0, random.Next(1, 9)).Select(_ => Device(random.Next(0, 50))).ToList();
            var reported = devices.Sum(static device => device.FreeBytes) / Extent;
            var left = random.NextInt64(0, reported + 1);

            var free = VolumeGroupHealth.FreeByDevice(Report(left, devices));

            Assert.InRange(free.Sum(), (left - devices.Count) * Extent, left * Extent);
            Assert.All(free.Zip(devices), static pair => Assert.InRange(pair.First, 0, pair.Second.FreeBytes));
            Assert.All(free, static bytes => Assert.Equal(0, bytes % Extent));
        }
    }

    [Fact]
    public void A_device_that_may_not_be_allocated_from_has_nothing_to_give()
    {
        var report = Report(9, [Device(5), Device(4) with { IsAllocatable = false }]);

        Assert.Equal([5 * Extent], VolumeGroupHealth.FreeByDevice(report));
    }

    [Fact]
    public void With_a_device_missing_nothing_can_be_made_and_the_finding_says_what_helps()
    {
        var report = Report(9, [Device(5), Device(4) with { IsMissing = true, Device = "[unknown]", Uuid = "gone" }]);

        Assert.Empty(VolumeGroupHealth.FreeByDevice(report));
        var finding = Assert.Single(VolumeGroupHealth.Inspect(report));
        Assert.Equal((HealthStatus.Degraded, "DeviceMissing"), (finding.Status, finding.Reason));
        Assert.Contains("the device with the UUID gone is missing", finding.Message, StringComparison.Ordinal);
        Assert.Contains("vgextend --restoremissing data", finding.Message, StringComparison.Ordinal);
        Assert.Contains("vgreduce --removemissing data", finding.Message, StringComparison.Ordinal);
        var refusal = Assert.Throws<StorageException>(() => VolumeGroupHealth.RequireRoom(report, "create volume v1"));
        Assert.Equal(StorageError.ResourceExhausted, refusal.Error);
        Assert.StartsWith("create volume v1: volume group data: the device with the UUID gone is missing", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(520_000, false, false)]
    [InlineData(50_000, true, false)]
    [InlineData(32_768, true, false)]
    [InlineData(32_767, true, true)]
    [InlineData(0, true, true)]
    public void Metadata_areas_that_run_full_are_told_of_and_then_stop_new_volumes(long freeBytes, bool isTold, bool stops)
    {
        var report = Report(5, [Device(5)]) with { MetadataFreeBytes = freeBytes };

        Assert.Equal(isTold, VolumeGroupHealth.Inspect(report).Any(static finding => finding.Reason == "MetadataAreaFull"));
        if (stops)
            Assert.Equal(StorageError.ResourceExhausted, Assert.Throws<StorageException>(() => VolumeGroupHealth.RequireRoom(report, "create volume v1")).Error);
        else
            VolumeGroupHealth.RequireRoom(report, "create volume v1");
    }

    private static VolumeGroupReport Report(long freeExtents, IReadOnlyList<PhysicalVolume> devices) => new()
    {
        Name = "data",
        Uuid = "u1",
        ExtentBytes = Extent,
        SizeBytes = 100 * Extent,
        FreeBytes = freeExtents * Extent,
        MetadataFreeBytes = 500_000,
        MetadataSizeBytes = 1_044_480,
        PhysicalVolumes = devices,
    };

    private static PhysicalVolume Device(long freeExtents) =>
        new("/dev/sdx", Guid.NewGuid().ToString(), 100 * Extent, freeExtents * Extent, IsMissing: false, IsAllocatable: true);

    private static IEnumerable<long> Numbers(string text) =>
        text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static number => long.Parse(number, System.Globalization.CultureInfo.InvariantCulture));
}
