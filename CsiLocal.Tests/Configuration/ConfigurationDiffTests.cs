using CsiLocal.Configuration;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Configuration;

public sealed class ConfigurationDiffTests
{
    private static readonly PoolOptions A = new() { Name = "a", Backend = BackendKind.Image, Path = "/srv/a" };
    private static readonly PoolOptions B = new() { Name = "b", Backend = BackendKind.Directory, Path = "/srv/b" };

    [Fact]
    public void The_same_configuration_changes_nothing()
    {
        Assert.True(Between(Options(A, B), Options(A with { }, B with { }), "a", "b").IsEmpty);
    }

    [Fact]
    public void Pools_come_and_empty_pools_go()
    {
        var diff = Between(Options(A), Options(B));

        Assert.Equal([B], diff.Added);
        Assert.Equal([A], diff.Removed);
        Assert.Empty(diff.Problems);
    }

    [Fact]
    public void A_pool_that_holds_volumes_does_not_go()
    {
        var diff = Between(Options(A, B), Options(B), "a");

        Assert.Equal(
            "pool 'a' is gone from the configuration and still holds volumes or snapshots; put it back, or delete them first",
            Assert.Single(diff.Problems));
    }

    [Fact]
    public void Limits_change_while_a_pool_is_in_use()
    {
        var after = A with { ReserveBytes = 1, Overprovision = 2, Preallocate = true, FreezeLimit = TimeSpan.Zero };

        var diff = Between(Options(A, B), Options(after, B), "a", "b");

        var change = Assert.Single(diff.Changed);
        Assert.Equal((A, after), (change.Before, change.After));
        Assert.Equal(["reserve", "overprovision", "preallocate", "freezeLimit"], change.Options);
        Assert.Empty(diff.Problems);
        Assert.Empty(diff.Added);
    }

    [Fact]
    public void What_only_later_volumes_are_made_with_changes_while_a_pool_is_in_use()
    {
        var before = A with { Backend = BackendKind.LvmThin, Path = "", Lvm = new LvmPoolOptions { VolumeGroup = "v", ThinPool = "t" } };
        var after = before with
        {
            Lvm = before.Lvm with
            {
                Devices = new TextList("/dev/sdb"),
                Layout = LvmLayout.Raid1,
                Stripes = 2,
                StripeSizeBytes = 4096,
                Copies = 3,
                Integrity = true,
                SnapshotReservePercent = 10,
                Discard = false,
                ThinPoolSize = new ThinPoolSize(1, Percent: null),
                ThinMetadataBytes = 1,
                ChunkBytes = 1,
                ExtendAtPercent = 1,
                ExtendByPercent = 1,
                StopAtPercent = 2,
            },
        };

        var diff = Between(Options(before), Options(after), "a");

        Assert.Equal(
            LvmPoolReader.CommonKeys.Concat(LvmPoolReader.ThickKeys).Concat(LvmPoolReader.ThinKeys).Except(["volumeGroup", "thinPool"]).Order(),
            Assert.Single(diff.Changed).Options.Order());
        Assert.Empty(diff.Problems);
    }

    [Fact]
    public void A_pool_in_use_keeps_its_volume_group_and_thin_pool()
    {
        var before = A with { Backend = BackendKind.LvmThin, Path = "", Lvm = new LvmPoolOptions { VolumeGroup = "v", ThinPool = "t" } };
        var after = before with { Lvm = new LvmPoolOptions { VolumeGroup = "w", ThinPool = "u" } };

        Assert.Equal(
            [
                "pool 'a' holds volumes or snapshots, its volumeGroup cannot change; put it back, or delete them first",
                "pool 'a' holds volumes or snapshots, its thinPool cannot change; put it back, or delete them first",
            ],
            Between(Options(before), Options(after), "a").Problems);
    }

    [Fact]
    public void What_volumes_were_made_with_does_not_change_under_them()
    {
        var moved = A with { Path = "/srv/c", Backend = BackendKind.Directory };
        var unlimited = B with { Quota = QuotaMode.None };

        var diff = Between(Options(A, B), Options(moved, unlimited), "a", "b");

        Assert.Equal(
            [
                "pool 'a' holds volumes or snapshots, its backend cannot change; put it back, or delete them first",
                "pool 'a' holds volumes or snapshots, its path cannot change; put it back, or delete them first",
                "pool 'b' holds volumes or snapshots, its quota cannot change; put it back, or delete them first",
            ],
            diff.Problems);
    }

    [Fact]
    public void An_empty_pool_that_moves_is_closed_and_opened()
    {
        var moved = A with { Path = "/srv/c", ReserveBytes = 5 };

        var diff = Between(Options(A), Options(moved));

        Assert.Equal([A], diff.Removed);
        Assert.Equal([moved], diff.Added);
        Assert.Empty(diff.Changed);
        Assert.Empty(diff.Problems);
    }

    [Fact]
    public void What_the_server_started_with_needs_a_restart()
    {
        var before = Options(A);
        var after = before with
        {
            Endpoint = "unix:///b.sock",
            StateDirectory = "/b",
            NodeId = "b",
            HostTools = HostToolsSource.Nsenter,
            File = before.File with { DriverName = "b.example.org" },
        };

        Assert.Equal(
            [
                "endpoint changed from 'unix:///a.sock' to 'unix:///b.sock', which needs a restart",
                "stateDirectory changed from '/a' to '/b', which needs a restart",
                "nodeId changed from 'a' to 'b', which needs a restart",
                "hostTools changed from 'own' to 'nsenter', which needs a restart",
                "driverName changed from 'local.csilocal.dev' to 'b.example.org', which needs a restart",
            ],
            Between(before, after).Problems);
    }

    [Fact]
    public void Other_options_change_at_once()
    {
        var before = Options(A);
        var file = before.File with
        {
            DefaultPool = "a",
            PublishRoots = ["/mnt"],
            MaxVolumesPerNode = 9,
            JournalRetention = TimeSpan.FromDays(1),
        };

        var diff = Between(before, before with { File = file });

        Assert.Equal(["defaultPool", "publishRoots", "maxVolumesPerNode", "journalRetention"], diff.ChangedOptions);
        Assert.Empty(diff.Problems);
        Assert.False(diff.IsEmpty);
    }

    private static ConfigurationDiff Between(DriverOptions current, DriverOptions next, params string[] inUse) =>
        ConfigurationDiff.Between(current, next, inUse.ToHashSet());

    private static DriverOptions Options(params PoolOptions[] pools) => new()
    {
        Endpoint = "unix:///a.sock",
        StateDirectory = "/a",
        NodeId = "a",
        File = new FileConfiguration { Pools = pools },
    };
}
