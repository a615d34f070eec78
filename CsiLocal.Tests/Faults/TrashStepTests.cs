using CsiLocal.Backends;
using CsiLocal.Configuration;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Grpc.Core;
using Xunit;

namespace CsiLocal.Tests.Faults;

public sealed class TrashStepsOnImages : TrashStepTests<ImagePool>;

public sealed class TrashStepsOnDirectories : TrashStepTests<PlainDirectoryPool>;

/// <summary>
/// What a kill leaves after each single step into the trash and back, with the state file lost as well: the pool alone has to say what is to be done.
/// </summary>
public abstract class TrashStepTests<TPool> : FaultTest<TPool>
    where TPool : TestPool, new()
{
    private protected override void Prepare(TestDriver driver)
    {
        base.Prepare(driver);
        driver.Trash = new TrashOptions();
    }

    [Theory(Timeout = Limit)]
    [InlineData("noted beside the volume", true)]
    [InlineData("noted in the trash", true)]
    [InlineData("moved", true)]
    [InlineData("moved and forgotten", true)]
    [InlineData("back and noted", false)]
    public async Task Every_step_leads_to_the_one_or_the_other(string step, bool toTheTrash)
    {
        var volume = await CreateAsync("data");
        var target = await MountAsync(volume);
        Write(Path.Combine(target, "file"), seed: 1);
        var digest = Digest(Path.Combine(target, "file"));
        await UnmountAsync(volume, target);
        await Driver.StopAsync();
        var item = Leave(step, VolumeId.Parse(volume.VolumeId));
        foreach (var part in Directory.EnumerateFiles(Driver.StateDirectory, "state.db*"))
            File.Delete(part);

        await Driver.StartAsync();

        if (toTheTrash)
        {
            while (Pool.Volumes().Count > 0 || (await Driver.Admin.ListTrashAsync(new())).Volumes.Count == 0 || await IsKnownAsync("data"))
                await Task.Delay(20, TestContext.Current.CancellationToken);
            var kept = Assert.Single((await Driver.Admin.ListTrashAsync(new())).Volumes);
            Assert.Equal(item.Id.Value, kept.TrashId);
            if (step != "noted beside the volume")
                Assert.Equal(item.Deadline, kept.Deadline.ToDateTimeOffset());
            await UntilFreeAsync(() => Driver.Admin.UndeleteVolumeAsync(new() { Volume = "data" }));
        }

        Assert.Equal(volume, Assert.Single((await Controller.ListVolumesAsync(new())).Entries).Volume);
        Assert.Empty((await Driver.Admin.ListTrashAsync(new())).Volumes);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(Pool.Options.Path, "trash")));
        Assert.Equal(digest, Digest(Path.Combine(await MountAsync(volume), "file")));
    }

    private async Task<bool> IsKnownAsync(string name)
    {
        try
        {
            await Driver.Admin.GetVolumeDetailAsync(new() { Volume = name });
            return true;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
        {
            return false;
        }
    }

    /// <summary>Does the steps up to the named one, as <see cref="TrashFolder"/> does them.</summary>
    private TrashRecord Leave(string step, VolumeId id)
    {
        var volumes = Path.Combine(Pool.Options.Path, "volumes");
        var trash = Path.Combine(Pool.Options.Path, "trash");
        var known = MetadataFile.ReadVolume(volumes, id)!;
        var now = TimeProvider.System.GetUtcNow();
        var item = new TrashRecord
        {
            Id = TrashId.Of(known),
            Volume = known,
            DeletedAt = now,
            Deadline = now.AddDays(3),
            Erase = EraseMode.Discard,
        };
        var extension = Pool.IsBlock ? ".img" : "";
        if (step == "back and noted")
        {
            MetadataFile.Write(trash, item);
            return item;
        }

        MetadataFile.Write(volumes, known with { State = VolumeState.Deleting });
        if (step == "noted beside the volume")
            return item;
        MetadataFile.Write(trash, item);
        if (step == "noted in the trash")
            return item;
        Directory.Move(Path.Combine(volumes, id.Value + extension), Path.Combine(trash, item.Id.Value + extension));
        if (step == "moved and forgotten")
            MetadataFile.Remove(volumes, id.Value);
        return item;
    }
}
