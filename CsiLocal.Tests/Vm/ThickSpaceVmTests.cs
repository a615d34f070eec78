using System.Globalization;
using CsiLocal.Backends.Lvm;
using CsiLocal.Tests.Backends.Lvm;
using CsiLocal.Tests.Support;
using CsiLocal.Tools;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Vm;

/// <summary>The driver's idea of what there is room for, held against the real lvcreate: that much fits, and one stripe of extents more does not.</summary>
[Trait("Needs", "vm")]
[Trait("Run", "long")]
public sealed class ThickSpaceVmTests : IDisposable
{
    private const int Limit = 300_000;
    private const int Disks = 4;

    private readonly CommandRunner _commands = new($"test-{Guid.NewGuid():n}");
    private readonly BlankDisks _disks = BlankDisks.Take(Disks);
    private readonly string _name = $"vm{Guid.NewGuid():N}"[..10];

    private LvmTool Tool => new(_commands, []);

    private VolumeGroupRef Group => new(_name, "", _disks.Paths);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        HostCommand.Run("vgremove", "--quiet", "--yes", "--force", _name);
        _disks.Dispose();
        _commands.Dispose();
    }

    /// <summary>Layout as in <see cref="ThickSpaceTests"/>, extents left free on each disk, and their size.</summary>
    [Theory(Timeout = Limit)]
    [InlineData("linear", "50 50 50 50", 4096)]
    [InlineData("linear", "0 7 50 20", 4096)]
    [InlineData("striped", "50 50 50 50", 4096)]
    [InlineData("striped", "10 6 6 0", 4096)]
    [InlineData("striped 2", "10 6 6 3", 4096)]
    [InlineData("striped 3", "30 20 12 9", 4096)]
    [InlineData("raid1", "50 50 50 50", 4096)]
    [InlineData("raid1", "60 40 20 10", 4096)]
    [InlineData("raid1 copies 3", "60 40 20 10", 4096)]
    [InlineData("raid1", "500 300 0 0", 64)]
    [InlineData("raid5", "50 50 50 50", 4096)]
    [InlineData("raid5", "60 40 20 10", 4096)]
    [InlineData("raid5 2", "60 40 20 10", 4096)]
    [InlineData("raid10", "60 40 20 10", 4096)]
    [InlineData("raid1 integrity", "50 40 0 0", 4096)]
    [InlineData("raid1 integrity", "250 200 0 0", 4096)]
    [InlineData("raid5 integrity", "60 40 30 0", 4096)]
    public async Task The_largest_volume_can_be_made_and_a_larger_one_cannot(string layout, string free, int extentKibibytes)
    {
        var options = ThickSpaceTests.Options(layout);
        MakeGroup(free, extentKibibytes);
        var report = (await Tool.ReportAsync(Group, Token))!;
        var freeByDevice = VolumeGroupHealth.FreeByDevice(report);
        var space = new ThickSpace(options, report.ExtentBytes);

        var largest = space.Available(freeByDevice);
        var fit = space.Fit(largest, freeByDevice);
        var refusal = await Assert.ThrowsAsync<StorageException>(() => CreateAsync("larger", largest + (fit.Stripes * report.ExtentBytes), fit.Stripes));
        await CreateAsync("largest", largest, fit.Stripes);

        Assert.Equal(StorageError.ResourceExhausted, refusal.Error);
        var after = (await Tool.ReportAsync(Group, Token))!;
        var made = Assert.Single(after.LogicalVolumes, static volume => volume.Name == "largest");
        Assert.Equal((largest, fit.CostBytes), (made.SizeBytes, report.FreeBytes - after.FreeBytes));
        Assert.DoesNotContain(after.LogicalVolumes, static volume => volume.Name == "larger");

        Task CreateAsync(string name, long bytes, int stripes) => Tool.CreateThickAsync(
            Group, new ThickVolume { Name = name, SizeBytes = bytes, Tags = [], Options = options, Stripes = stripes }, Token);
    }

    /// <summary>RAID 6 needs a disk more than there are.</summary>
    [Fact(Timeout = Limit)]
    public async Task Where_no_volume_fits_lvcreate_says_so_too()
    {
        var options = ThickSpaceTests.Options("raid6");
        MakeGroup("50 50 50 50", 4096);
        var report = (await Tool.ReportAsync(Group, Token))!;
        var space = new ThickSpace(options, report.ExtentBytes);
        var size = space.RoundUp(1, Disks);

        Assert.Equal(0, space.Available(VolumeGroupHealth.FreeByDevice(report)));
        var refusal = await Assert.ThrowsAsync<StorageException>(() => Tool.CreateThickAsync(
            Group, new ThickVolume { Name = "any", SizeBytes = size, Tags = [], Options = options, Stripes = 3 }, Token));
        Assert.Equal(StorageError.ResourceExhausted, refusal.Error);
    }

    private void MakeGroup(string free, int extentKibibytes)
    {
        HostCommand.Run("vgcreate", ["--quiet", "--physicalextentsize", $"{extentKibibytes}k", _name, .. _disks.Paths]);
        var wanted = free.Split(' ').Select(static text => int.Parse(text, CultureInfo.InvariantCulture)).ToArray();
        for (var i = 0; i < Disks; i++)
        {
            var total = int.Parse(HostCommand.Run("pvs", "--noheadings", "--options", "pv_pe_count", _disks.Paths[i]), CultureInfo.InvariantCulture);
            HostCommand.Run(
                "lvcreate", "--quiet", "--yes", "--zero", "n", "--wipesignatures", "n", "--activate", "n",
                "--extents", (total - wanted[i]).ToString(CultureInfo.InvariantCulture), "--name", $"filler{i}", _name, _disks.Paths[i]);
        }
    }
}
