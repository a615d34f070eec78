using CsiLocal.Admin.V1;
using CsiLocal.Tests.Support;
using Xunit;
using static CsiLocal.Tests.Support.Requests;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Tests.Faults.Sweep;

/// <summary>Admin.AdoptVolume of what another driver has left, as a mounted or a raw block volume.</summary>
internal sealed class AdoptScene(bool raw) : SweepScene
{
    private OthersVolume made = null!;
    private string before = "";
    private AdoptVolumeRequest request = null!;
    private AdoptVolumeResponse answer = null!;

    public override async Task PrepareAsync(int point)
    {
        made = await Foreign.MakeAsync(World.Pool, $"foreign-{point}", bytes: SweepWorld.SmallBytes);
        before = await Foreign.RawDigestAsync(World.Pool, made.Name);
        request = new() { Source = made.Source, Pool = World.Pool.Options.Name, SizeBytes = World.Pool.IsBlock ? 0 : SweepWorld.SmallBytes, Block = raw };
        World.Faults.CountFormats();
    }

    public override async Task CallAsync() => answer = await World.Driver.Admin.AdoptVolumeAsync(request);

    public override async Task RequireAsync()
    {
        await CallAsync();
        Assert.True(answer.AdoptedBefore);
        Assert.False(Foreign.IsThere(World.Pool, made));
        Assert.Equal(before, await Foreign.RawDigestAsync(World.Pool, answer.Volume.VolumeId));
        if (!raw)
        {
            var staged = await World.StageAsync(answer.CsiVolume, Mount());
            Assert.Equal(made.Digest, Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(await File.ReadAllBytesAsync(Path.Combine(staged, Foreign.File)))));
            await World.UnstageAsync(answer.CsiVolume);
        }

        Assert.Equal(0, World.Faults.Formats);
    }

    public override Task CleanUpAsync() => World.DeleteAsync(answer.CsiVolume);
}
