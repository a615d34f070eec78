using CsiLocal.Backends.Images;
using CsiLocal.Native;
using CsiLocal.Tests.Support;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.Backends.Images;

public sealed class LoopAttachmentTests : IAsyncLifetime
{
    private const int Timeout = 60_000;
    private readonly ImagePool _pool = new();
    private ImageBackend _backend = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _backend = await _pool.OpenAsync();

    public async ValueTask DisposeAsync() => await _pool.DisposeAsync();

    [Fact(Timeout = Timeout)]
    public async Task An_attachment_is_a_block_device_of_the_volumes_size_with_direct_io()
    {
        var volume = await ImagePool.MakeAsync(_backend, Records.Volume("a"));

        var attachment = await _backend.AttachAsync(volume, readOnly: false, Cancelled);

        var node = FileStatus.Find(attachment.Path)!.Value;
        Assert.True(attachment.IsBlockDevice && node.IsBlockDevice);
        Assert.Equal(node.DeviceNumber, attachment.DeviceNumber);
        Assert.Equal(volume.SizeBytes, attachment.SizeBytes);
        Assert.Equal("1", Sysfs(attachment, "loop/dio"));
        Assert.Equal("512", Sysfs(attachment, "queue/logical_block_size"));
        Assert.Equal("0", Sysfs(attachment, "loop/autoclear"));
    }

    [Fact(Timeout = Timeout)]
    public async Task Read_only_and_read_write_are_two_devices()
    {
        var volume = await ImagePool.MakeAsync(_backend, Records.Volume("a"));

        var writable = await _backend.AttachAsync(volume, readOnly: false, Cancelled);
        var readable = await _backend.AttachAsync(volume, readOnly: true, Cancelled);

        Assert.NotEqual(writable.Path, readable.Path);
        Assert.Equal(("0", "1"), (Sysfs(writable, "ro"), Sysfs(readable, "ro")));
        await _backend.DetachAsync(volume, readOnly: true, Cancelled);
        Assert.Equal(writable, _backend.FindAttachment(volume, readOnly: false));
        Assert.Null(_backend.FindAttachment(volume, readOnly: true));
    }

    [Fact(Timeout = Timeout)]
    public async Task Fifty_at_a_time_each_get_their_own_while_other_processes_take_devices_too()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.Combine("other"), new byte[Records.MiB]);
        var script = "for i in $(seq 40); do d=$(losetup -f --show \"$1\") && losetup -d \"$d\"; done";
        using var first = HostCommand.Start("sh", "-c", script, "sh", folder.Combine("other"));
        using var second = HostCommand.Start("sh", "-c", script, "sh", folder.Combine("other"));
        var volumes = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => ImagePool.MakeAsync(
            _backend,
            Records.Volume($"v{i}", 16 * Records.MiB))));

        var attachments = await Task.WhenAll(volumes.Select(volume => Task.Run(
            () => _backend.AttachAsync(volume, readOnly: false, Cancelled),
            Cancelled)));

        Assert.Equal(50, attachments.Select(attachment => attachment.Path).Distinct().Count());
        foreach (var (volume, attachment) in volumes.Zip(attachments))
            Assert.Contains(volume.Id.Value, Sysfs(attachment, "loop/backing_file"), StringComparison.Ordinal);
        await Task.WhenAll(volumes.Select(volume => Task.Run(() => _backend.DetachAsync(volume, readOnly: false, Cancelled), Cancelled)));
        Assert.All(volumes, volume => Assert.Null(_backend.FindAttachment(volume, readOnly: false)));
        await first.WaitForExitAsync(Cancelled);
        await second.WaitForExitAsync(Cancelled);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_device_that_now_serves_another_image_is_not_believed()
    {
        var volume = await ImagePool.MakeAsync(_backend, Records.Volume("a"));
        var other = await ImagePool.MakeAsync(_backend, Records.Volume("b"));
        var attachment = await _backend.AttachAsync(volume, readOnly: false, Cancelled);
        await _pool.MakeBackend().DetachAsync(volume, readOnly: false, Cancelled);
        var taken = await _pool.MakeBackend().AttachAsync(other, readOnly: false, Cancelled);

        Assert.Null(_backend.FindAttachment(volume, readOnly: false));
        Assert.NotEqual(taken.Path, (await _backend.AttachAsync(volume, readOnly: false, Cancelled)).Path);
        Assert.True(attachment.IsBlockDevice);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_device_somebody_else_put_before_the_image_is_found_and_keeps_the_volume_from_deletion()
    {
        var volume = await ImagePool.MakeAsync(_backend, Records.Volume("a"));
        var device = HostCommand.Run("losetup", "-f", "--show", _backend.Location(volume)).Trim();

        var e = await Assert.ThrowsAsync<StorageException>(() => _backend.DeleteAsync(volume, Cancelled));

        Assert.Equal(device, _backend.FindAttachment(volume, readOnly: false)!.Path);
        Assert.Equal(StorageError.FailedPrecondition, e.Error);
        Assert.Contains(device, e.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(_backend.Location(volume)));
        Assert.Equal(VolumeState.Ready, Assert.Single(_backend.List()).Volume!.State);
    }

    [Fact(Timeout = Timeout)]
    public async Task A_mounted_device_is_not_detached()
    {
        using var folder = new TemporaryFolder();
        var volume = await ImagePool.MakeAsync(_backend, Records.Volume("a"));
        var attachment = await _backend.AttachAsync(volume, readOnly: false, Cancelled);
        HostCommand.Run("mkfs.ext4", "-q", attachment.Path);
        HostCommand.Run("mount", attachment.Path, folder.Path);
        try
        {
            var e = await Assert.ThrowsAsync<StorageException>(() => _backend.DetachAsync(volume, readOnly: false, Cancelled));

            Assert.Equal(StorageError.FailedPrecondition, e.Error);
            Assert.Equal("0", Sysfs(attachment, "loop/autoclear"));
        }
        finally
        {
            HostCommand.Unmount(folder.Path);
        }

        await _backend.DetachAsync(volume, readOnly: false, Cancelled);
        Assert.Null(_backend.FindAttachment(volume, readOnly: false));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_device_held_open_is_told_and_goes_when_it_is_closed()
    {
        var volume = await ImagePool.MakeAsync(_backend, Records.Volume("a"));
        var attachment = await _backend.AttachAsync(volume, readOnly: false, Cancelled);
        using (NativeFile.Open(attachment.Path, NativeFile.ReadOnly))
        {
            var e = await Assert.ThrowsAsync<StorageException>(() => _backend.DetachAsync(volume, readOnly: false, Cancelled));
            Assert.Equal(StorageError.FailedPrecondition, e.Error);
            Assert.Contains(attachment.Path, e.Describe(), StringComparison.Ordinal);
        }

        await _backend.DetachAsync(volume, readOnly: false, Cancelled);
        Assert.Null(_backend.FindAttachment(volume, readOnly: false));
    }

    [Fact(Timeout = Timeout)]
    public async Task Attaching_again_takes_back_a_detachment_that_waits()
    {
        var volume = await ImagePool.MakeAsync(_backend, Records.Volume("a"));
        var attachment = await _backend.AttachAsync(volume, readOnly: false, Cancelled);
        using (NativeFile.Open(attachment.Path, NativeFile.ReadOnly))
        {
            await Assert.ThrowsAsync<StorageException>(() => _backend.DetachAsync(volume, readOnly: false, Cancelled));
            Assert.Equal(attachment, await _backend.AttachAsync(volume, readOnly: false, Cancelled));
        }

        Assert.Equal(attachment, _backend.FindAttachment(volume, readOnly: false));
    }

    [Fact(Timeout = Timeout)]
    public async Task An_image_cut_short_or_gone_is_not_attached()
    {
        var volume = await ImagePool.MakeAsync(_backend, Records.Volume("a"));
        using (var image = NativeFile.Open(_backend.Location(volume), NativeFile.ReadWrite))
            RandomAccess.SetLength(image, Records.MiB);
        var shorter = await Assert.ThrowsAsync<StorageException>(() => Attach(volume));
        Assert.Equal("ImageTruncated", Assert.Single(_backend.Inspect(volume)).Reason);

        File.Delete(_backend.Location(volume));
        var gone = await Assert.ThrowsAsync<StorageException>(() => Attach(volume));

        Assert.Equal((StorageError.DataLoss, StorageError.DataLoss), (shorter.Error, gone.Error));
        Assert.Null(_backend.FindAttachment(volume, readOnly: false));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_symlink_in_place_of_the_image_is_not_followed()
    {
        var volume = await ImagePool.MakeAsync(_backend, Records.Volume("a"));
        var other = await ImagePool.MakeAsync(_backend, Records.Volume("b"));
        File.Delete(_backend.Location(volume));
        File.CreateSymbolicLink(_backend.Location(volume), _backend.Location(other));

        Assert.Equal(StorageError.DataLoss, (await Assert.ThrowsAsync<StorageException>(() => Attach(volume))).Error);
        Assert.Equal(
            StorageError.DataLoss,
            (await Assert.ThrowsAsync<StorageException>(() => _backend.DeleteAsync(volume, Cancelled))).Error);
        Assert.True(File.Exists(_backend.Location(other)));
    }

    [Fact(Timeout = Timeout)]
    public async Task A_device_node_missing_in_this_dev_is_made()
    {
        const uint Add = 0x4C80; // LOOP_CTL_ADD
        const uint RemoveDevice = 0x4C81; // LOOP_CTL_REMOVE
        const int Number = 4711;

        using var control = NativeFile.Open("/dev/loop-control", NativeFile.ReadWrite);
        Assert.Equal(Number, NativeFile.Control(control, Add, Number));
        try
        {
            File.Delete(LoopDevices.PathOf(Number));

            Assert.Null(LoopDevices.Find(Number));

            Assert.True(FileStatus.Find(LoopDevices.PathOf(Number))!.Value.IsBlockDevice);
            Assert.Equal(0, LoopDevices.Measure(Number).SizeBytes);
        }
        finally
        {
            NativeFile.Control(control, RemoveDevice, Number);
            File.Delete(LoopDevices.PathOf(Number));
        }

        await Task.CompletedTask;
    }

    [Fact(Timeout = Timeout)]
    public async Task A_found_attachment_is_found_again_without_a_search()
    {
        var volume = await ImagePool.MakeAsync(_backend, Records.Volume("a"));
        await _backend.AttachAsync(volume, readOnly: false, Cancelled);

        var elapsed = Best(() => _backend.FindAttachment(volume, readOnly: false));

        Assert.True(elapsed < TimeSpan.FromMilliseconds(2), $"{elapsed.TotalMilliseconds} ms");
        TestContext.Current.TestOutputHelper?.WriteLine($"{elapsed.TotalMicroseconds} µs");
    }

    private static TimeSpan Best(Action work) => Enumerable.Range(0, 10).Min(_ =>
    {
        var begin = TimeProvider.System.GetTimestamp();
        work();
        return TimeProvider.System.GetElapsedTime(begin);
    });

    private Task<Attachment> Attach(VolumeRecord volume) => _backend.AttachAsync(volume, readOnly: false, Cancelled);

    private static string Sysfs(Attachment attachment, string entry) =>
        File.ReadAllText($"/sys/block/{Path.GetFileName(attachment.Path)}/{entry}").Trim();
}
