using CsiLocal.Tests.Faults.Sweep;
using CsiLocal.Tests.Support;
using CsiLocal.Tests.Support.Lvm;
using Grpc.Core;
using Xunit;

namespace CsiLocal.Tests.Faults;

public sealed class AdoptKillsOnImages : AdoptKillTests<ImagePool>;

public sealed class AdoptKillsOnDirectories : AdoptKillTests<PlainDirectoryPool>;

public sealed class AdoptKillsOnSubvolumes : AdoptKillTests<BtrfsDirectoryPool>;

public sealed class AdoptKillsOnThickLvm : AdoptKillTests<ThickLvmPool>;

public sealed class AdoptKillsOnThinLvm : AdoptKillTests<ThinLvmPool>;

/// <summary>An adoption that goes wrong, or is killed, at each of its commands and commits, and is not repeated: all of it or nothing.</summary>
public abstract class AdoptKillTests<TPool>
    where TPool : TestPool, new()
{
    private const int Limit = 300_000;

    [Theory(Timeout = Limit)]
    [InlineData(nameof(FaultWay.KilledBefore))]
    [InlineData(nameof(FaultWay.KilledAfter))]
    [InlineData(nameof(FaultWay.FailsBefore))]
    [InlineData(nameof(FaultWay.FailsAfter))]
    [InlineData(nameof(FaultWay.HangsBefore))]
    [InlineData(nameof(FaultWay.HangsAfter))]
    public async Task After_a_restart_it_is_a_volume_or_what_it_was(string name)
    {
        var way = Enum.Parse<FaultWay>(name);
        using var pool = new TPool();
        await using var world = await SweepWorld.StartAsync(pool);
        var (wholly, notAtAll) = (0, 0);
        for (var at = 1; ; at++)
        {
            var made = await Foreign.MakeAsync(pool, $"foreign-{at}", bytes: SweepWorld.SmallBytes);
            var before = await Foreign.RawDigestAsync(pool, made.Name);
            world.Faults.Arm(at, way);
            var request = new Admin.V1.AdoptVolumeRequest { Source = made.Source, Pool = pool.Options.Name, SizeBytes = pool.IsBlock ? 0 : SweepWorld.SmallBytes };
            var status = await world.OnceAsync(async () => await world.Driver.Admin.AdoptVolumeAsync(request));
            var met = world.Faults.Met;
            await world.RestartAsync();

            await world.RequireConsistentAsync();
            var entries = (await world.Controller.ListVolumesAsync(new())).Entries;
            if (entries.Count == 0)
            {
                notAtAll++;
                Assert.True(Foreign.IsThere(pool, made), $"{way} at {at} ({met}): it is neither a volume nor what it was");
                Assert.Equal(before, await Foreign.RawDigestAsync(pool, made.Name));
                Assert.Empty(pool.Volumes());
                await world.Driver.Admin.AdoptVolumeAsync(request);
                entries = (await world.Controller.ListVolumesAsync(new())).Entries;
            }
            else
            {
                wholly++;
            }

            var volume = Assert.Single(entries).Volume;
            Assert.False(Foreign.IsThere(pool, made));
            Assert.Equal(before, await Foreign.RawDigestAsync(pool, volume.VolumeId));
            await world.DeleteAsync(volume);
            if (met is null)
            {
                Assert.Equal(StatusCode.OK, status);
                break;
            }
        }

        // Its new name is where it turns.
        Assert.True(notAtAll > 0 && wholly > 1, $"{wholly} wholly, {notAtAll} not at all");
    }
}
