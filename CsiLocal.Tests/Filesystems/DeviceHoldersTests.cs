using CsiLocal.Filesystems;
using CsiLocal.Native;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Filesystems;

public sealed class DeviceHoldersTests : IDisposable
{
    private const int Limit = 60_000;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact(Timeout = Limit)]
    public async Task Device_that_nobody_uses_has_no_holder()
    {
        await using var device = await LoopDevice.CreateAsync(_folder, 1 << 20);

        Assert.Equal("", DeviceHolders.Describe(device.Attachment.DeviceNumber));
    }

    [Fact(Timeout = Limit)]
    public async Task Process_is_named_by_whatever_name_it_opened_the_device()
    {
        await using var device = await LoopDevice.CreateAsync(_folder, 1 << 20);
        var link = _folder.Combine("link");
        File.CreateSymbolicLink(link, device.Path);
        using var process = HostCommand.Start("sh", "-c", "exec 3< \"$1\"; echo open; exec sleep 60", "sh", link);
        try
        {
            Assert.Equal("open", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));

            Assert.Matches($@"^(sh|sleep) \(pid {process.Id}\)$", DeviceHolders.Describe(device.Attachment.DeviceNumber));
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    [Theory(Timeout = Limit)]
    [InlineData("Ext4", 16)]
    [InlineData("Btrfs", 128)]
    public void Mount_is_named(string type, int sizeMiB)
    {
        using var image = new LoopImage(Enum.Parse<FilesystemType>(type), sizeMiB);
        image.Mount();

        Assert.Equal($"the mount at {image.Path}", DeviceHolders.Describe(image.Attachment.DeviceNumber));
    }

    [Fact(Timeout = Limit)]
    public async Task Mount_in_another_namespace_is_named_with_who_lives_there()
    {
        using var image = new LoopImage(FilesystemType.Ext4, 16);
        using var process = HostCommand.Start(
            "unshare", "--mount", "--propagation", "private", "sh", "-c", "mount \"$1\" \"$2\" && echo mounted; exec sleep 60", "sh", image.Device, image.Path);
        try
        {
            Assert.Equal("mounted", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));

            Assert.Matches(
                $@"^the mount at {image.Path} in the mount namespace of (sh|sleep) \(pid {process.Id}\)$", DeviceHolders.Describe(image.Attachment.DeviceNumber));
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    [Fact(Timeout = Limit)]
    public async Task Loop_device_on_top_is_named()
    {
        await using var device = await LoopDevice.CreateAsync(_folder, 1 << 20);
        using var node = NativeFile.Open(device.Path, NativeFile.ReadOnly);
        var upper = LoopDevices.Attach(node, "upper", readOnly: true);
        try
        {
            var number = device.Attachment.DeviceNumber;

            Assert.Contains($"loop device {upper.Path}", DeviceHolders.Describe(number), StringComparison.Ordinal);
            Assert.Equal(upper.Number, Assert.Single(LoopDevices.FindAllOn(number)).Number);
            Assert.Empty(LoopDevices.FindAllOn(number + 1));
        }
        finally
        {
            Assert.True(LoopDevices.TryClear(upper.Number));
        }
    }

    [Fact(Timeout = Limit)]
    public async Task Many_holders_are_not_all_named()
    {
        await using var device = await LoopDevice.CreateAsync(_folder, 1 << 20);
        var processes = Enumerable.Range(0, 7).Select(_ => HostCommand.Start("sh", "-c", "exec 3< \"$1\"; echo open; exec sleep 60", "sh", device.Path)).ToList();
        try
        {
            foreach (var process in processes)
                await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);

            var text = DeviceHolders.Describe(device.Attachment.DeviceNumber);

            Assert.EndsWith(" and others", text, StringComparison.Ordinal);
            Assert.Equal(5, text.Split("(pid ").Length - 1);
        }
        finally
        {
            foreach (var process in processes)
            {
                process.Kill();
                await process.WaitForExitAsync(CancellationToken.None);
                process.Dispose();
            }
        }
    }
}
