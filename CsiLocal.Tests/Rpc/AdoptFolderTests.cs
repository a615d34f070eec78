using CsiLocal.Admin.V1;
using CsiLocal.Tests.Support;
using Grpc.Core;
using Xunit;
using static CsiLocal.Tests.Support.Requests;
using Task = System.Threading.Tasks.Task;

namespace CsiLocal.Tests.Rpc;

/// <summary>Adoption of image files: what is refused, and the other file systems.</summary>
public sealed class AdoptImageTests : DriverTest<ImagePool>
{
    [Theory(Timeout = Limit)]
    [InlineData("xfs", 320, "disk.img")]
    [InlineData("btrfs", 160, "disk.raw")]
    [InlineData("ext4", 32, "disk")]
    public async Task Each_file_system_is_found_and_the_name_is_without_the_kind_of_file(string filesystem, int sizeMiB, string name)
    {
        var made = await Foreign.MakeAsync(Pool, name, filesystem, sizeMiB * MiB);

        var answer = await Driver.Admin.AdoptVolumeAsync(Request(made));

        Assert.Equal(("disk", filesystem, sizeMiB * MiB), (answer.Volume.Name, answer.Volume.Filesystem, answer.Volume.SizeBytes));
        var target = await MountAsync(answer.CsiVolume);
        if (filesystem != "xfs")
            Assert.Equal(made.Digest, Digest(Path.Combine(target, Foreign.File)));
        await UnmountAsync(answer.CsiVolume, target);
    }

    [Fact(Timeout = Limit)]
    public async Task One_behind_a_loop_device_is_left_alone_and_the_device_named()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        var device = HostCommand.Run("losetup", "--find", "--show", made.Source).Trim();
        try
        {
            await RefusesAsync(made, StatusCode.FailedPrecondition, device, "losetup --detach");
        }
        finally
        {
            HostCommand.Run("losetup", "--detach", device);
        }
    }

    [Fact(Timeout = Limit)]
    public async Task One_with_two_names_is_refused()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        HostCommand.Run("ln", made.Source, $"{made.Source}.copy");
        await RefusesAsync(made, StatusCode.FailedPrecondition, "2 names", "-samefile");
    }

    [Theory(Timeout = Limit)]
    [InlineData((32 << 20) + 100, "whole sectors")]
    [InlineData(1000, "no size of a disk")]
    public async Task One_that_is_no_size_of_a_disk_is_refused(int bytes, string mentioned)
    {
        var made = await Foreign.MakeAsync(Pool, "data", "", bytes);
        await RefusesAsync(made, StatusCode.FailedPrecondition, mentioned, "truncate");
    }

    [Fact(Timeout = Limit)]
    public async Task Symlinks_directories_and_what_is_not_there_are_refused()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        var (link, folder) = (Foreign.PathOf(Pool, "link"), Foreign.PathOf(Pool, "folder"));
        File.CreateSymbolicLink(link, made.Source);
        Directory.CreateDirectory(folder);

        await RefusesAsync(made with { Source = link }, StatusCode.InvalidArgument, "symbolic link");
        await RefusesAsync(made with { Source = folder }, StatusCode.FailedPrecondition, "no regular file");
        await FailsAsync(StatusCode.NotFound, Driver.Admin.AdoptVolumeAsync(Request(made with { Source = $"{made.Source}.gone" })), "as the daemon sees it");
        await RefusesAsync(made with { Source = "vg/lv" }, StatusCode.InvalidArgument, "absolute path");
    }

    [Fact(Timeout = Limit)]
    public async Task One_on_another_mount_is_refused_with_the_way_to_bring_it_over()
    {
        using var other = new LoopFilesystem("ext4", 128);
        var path = Path.Combine(other.Path, "data.img");
        HostCommand.Run("truncate", "--size", "32M", path);
        HostCommand.Run("mkfs.ext4", "-q", path);
        await FailsAsync(StatusCode.FailedPrecondition, Driver.Admin.AdoptVolumeAsync(new() { Source = path, Pool = "images" }), "another mount", "cp -a --sparse=always");
        Assert.True(File.Exists(path));
    }

    [Fact(Timeout = Limit)]
    public async Task The_drivers_own_files_are_refused()
    {
        var own = await CreateAsync("own");
        await FailsAsync(StatusCode.FailedPrecondition, Driver.Admin.AdoptVolumeAsync(new() { Source = Pool.ContentOf(own.VolumeId), Pool = "images", Name = "x" }), "pool's own");
        await FailsAsync(
            StatusCode.FailedPrecondition, Driver.Admin.AdoptVolumeAsync(new() { Source = Path.Combine(Driver.StateDirectory, "state.db"), Pool = "images" }), "driver's own folder");
        var listed = (await Driver.Admin.ListAdoptableAsync(new() { Pool = "images", Folder = Driver.StateDirectory })).Candidates;
        Assert.NotEmpty(listed);
        Assert.All(listed, static candidate => Assert.Contains("driver's own folder", candidate.Problem, StringComparison.Ordinal));
    }

    [Fact(Timeout = Limit)]
    public async Task What_carries_no_file_system_is_taken_as_raw_block_only()
    {
        var made = await Foreign.MakeAsync(Pool, "data", "swap");
        await RefusesAsync(made, StatusCode.FailedPrecondition, "swap", "--block");
        var before = await Foreign.RawDigestAsync(Pool, "data");
        var request = Request(made);
        request.Block = true;

        var volume = (await Driver.Admin.AdoptVolumeAsync(request)).CsiVolume;

        var target = await MountAsync(volume, Block());
        Assert.Equal(before, Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(await File.ReadAllBytesAsync(target))));
    }

    [Fact(Timeout = Limit)]
    public async Task A_size_is_not_for_what_has_one()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        var request = Request(made);
        request.SizeBytes = 64 * MiB;
        await FailsAsync(StatusCode.InvalidArgument, Driver.Admin.AdoptVolumeAsync(request), "--size", "expand");
    }

    private AdoptVolumeRequest Request(OthersVolume made) => new() { Source = made.Source, Pool = Pool.Options.Name };

    private async Task RefusesAsync(OthersVolume made, StatusCode code, params string[] mentioned)
    {
        await FailsAsync(code, Driver.Admin.AdoptVolumeAsync(Request(made)), mentioned);
        Assert.Empty((await Controller.ListVolumesAsync(new())).Entries);
        Assert.Empty(Pool.Volumes());
    }
}

public sealed class AdoptDirectoryOnPlain : AdoptDirectoryTests<PlainDirectoryPool>
{
    [Fact(Timeout = Limit)]
    public async Task Without_limits_a_size_is_only_a_note()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        Assert.Equal(1L << 30, (await Driver.Admin.AdoptVolumeAsync(new() { Source = made.Source, Pool = Pool.Options.Name })).Volume.SizeBytes);
    }
}

public sealed class AdoptDirectoryOnBtrfs : AdoptDirectoryTests<BtrfsDirectoryPool>
{
    [Fact(Timeout = Limit)]
    public async Task A_plain_directory_is_refused_with_the_way_to_make_a_subvolume_of_it()
    {
        var path = Foreign.PathOf(Pool, "plain");
        Directory.CreateDirectory(path);
        await FailsAsync(StatusCode.FailedPrecondition, Driver.Admin.AdoptVolumeAsync(Request(path)), "not a subvolume", "btrfs subvolume create");
    }
}

[Trait("Needs", "vm")]
public sealed class AdoptDirectoryOnXfsQuota : AdoptDirectoryTests<XfsQuotaDirectoryPool>
{
    [Fact(Timeout = Limit)]
    public async Task One_that_holds_more_than_its_limit_stays_as_it_was_with_no_quota_on_it()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        Write(Path.Combine(made.Source, "big"), seed: 1, bytes: 8 << 20);
        var request = Request(made.Source);
        request.SizeBytes = 4 * MiB;
        await FailsAsync(StatusCode.OutOfRange, Driver.Admin.AdoptVolumeAsync(request), "holds", "--size");
        Assert.True(Foreign.IsThere(Pool, made));
        Assert.Empty(Pool.Volumes());

        // In no project: what is not limited can be filled beyond it.
        Write(Path.Combine(made.Source, "deep", "bigger"), seed: 2, bytes: 16 << 20);
        request.SizeBytes = 64 * MiB;
        await Driver.Admin.AdoptVolumeAsync(request);
    }
}

/// <summary>Adoption of directories, and what is refused.</summary>
public abstract class AdoptDirectoryTests<TPool> : DriverTest<TPool>
    where TPool : TestPool, new()
{
    private const string LocalPath = "pvc-0e0a8a2c-6a52-4cf0-9a55-0123456789ab_default_data-db-0";

    [Fact(Timeout = Limit)]
    public async Task What_local_path_provisioner_left_gets_the_name_of_its_PersistentVolume()
    {
        var made = await Foreign.MakeAsync(Pool, LocalPath);
        File.SetUnixFileMode(made.Source, (UnixFileMode)0b111_111_111);

        var answer = await Driver.Admin.AdoptVolumeAsync(Request(made.Source));

        Assert.Equal(("local-path", LocalPath[..LocalPath.IndexOf('_')]), (answer.Layout, answer.Volume.Name));
        Assert.Contains("default/data-db-0", Assert.Single(answer.Notes), StringComparison.Ordinal);
        var target = await MountAsync(answer.CsiVolume);
        Assert.Equal(made.Digest, Digest(Path.Combine(target, Foreign.File)));
        Assert.Equal("kept", await File.ReadAllTextAsync(Path.Combine(target, "deep", "er", "note")));
        Assert.Equal((UnixFileMode)0b111_111_111, File.GetUnixFileMode(target));
    }

    [Fact(Timeout = Limit)]
    public async Task Its_limit_holds_for_what_was_there_and_what_comes()
    {
        Assert.SkipUnless(Pool.HardLimit && Pool.LimitsRoot, "no limits for root");
        var made = await Foreign.MakeAsync(Pool, "data");
        Write(Path.Combine(made.Source, "deep", "big"), seed: 1, bytes: 8 << 20);
        var request = Request(made.Source);
        request.SizeBytes = 16 * MiB;
        var target = await MountAsync((await Driver.Admin.AdoptVolumeAsync(request)).CsiVolume);
        HostCommand.Run("sync", "--file-system", target);

        Assert.Throws<IOException>(() => Write(Path.Combine(target, "more"), seed: 2, bytes: 12 << 20));
        File.Delete(Path.Combine(target, "more"));
        Write(Path.Combine(target, "less"), seed: 3, bytes: 2 << 20);
    }

    [Fact(Timeout = Limit)]
    public async Task Where_sizes_are_held_to_one_has_to_be_said()
    {
        Assert.SkipUnless(Pool.HardLimit, "sizes are only notes");
        var made = await Foreign.MakeAsync(Pool, "data");
        var request = Request(made.Source);
        request.SizeBytes = 0;
        await FailsAsync(StatusCode.InvalidArgument, Driver.Admin.AdoptVolumeAsync(request), "--size");
    }

    [Fact(Timeout = Limit)]
    public async Task One_in_use_by_a_mount_is_left_alone_and_the_mount_named()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        foreach (var (source, point) in new[] { (made.Source, Driver.PathOf("bound")), (Path.Combine(made.Source, "deep"), Driver.PathOf("deeper")), ("tmpfs", Path.Combine(made.Source, "deep")) })
        {
            Directory.CreateDirectory(point);
            HostCommand.Run("mount", source == "tmpfs" ? ["-t", "tmpfs", "none", point] : ["--bind", source, point]);
            await FailsAsync(StatusCode.FailedPrecondition, Driver.Admin.AdoptVolumeAsync(Request(made.Source)), "in use", point);
            HostCommand.Unmount(point);
        }

        Assert.True(Foreign.IsThere(Pool, made));
        await Driver.Admin.AdoptVolumeAsync(Request(made.Source));
    }

    [Fact(Timeout = Limit)]
    public async Task One_that_a_container_has_bound_in_its_own_mount_namespace_is_left_alone_and_its_process_named()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        using var container = HostCommand.Start(
            "unshare", "--mount", "--propagation", "private", "sh", "-c", $"mount --bind {made.Source} /mnt && echo bound && exec sleep 60");
        try
        {
            Assert.Equal("bound", await container.StandardOutput.ReadLineAsync());
            await FailsAsync(StatusCode.FailedPrecondition, Driver.Admin.AdoptVolumeAsync(Request(made.Source)), "in use by", $"pid {container.Id}", "/mnt");
        }
        finally
        {
            container.Kill();
            await container.WaitForExitAsync();
        }

        await Driver.Admin.AdoptVolumeAsync(Request(made.Source));
    }

    [Fact(Timeout = Limit)]
    public async Task Files_block_and_the_folder_of_the_pool_are_refused()
    {
        var made = await Foreign.MakeAsync(Pool, "data");
        await FailsAsync(StatusCode.FailedPrecondition, Driver.Admin.AdoptVolumeAsync(Request(Path.Combine(made.Source, Foreign.File))), "no directory");
        await FailsAsync(StatusCode.FailedPrecondition, Driver.Admin.AdoptVolumeAsync(Request(Pool.Options.Path)), "pool's own");
        var block = Request(made.Source);
        block.Block = true;
        await FailsAsync(StatusCode.InvalidArgument, Driver.Admin.AdoptVolumeAsync(block), "raw block");
        Assert.True(Foreign.IsThere(Pool, made));
    }

    private protected AdoptVolumeRequest Request(string path) => new() { Source = path, Pool = Pool.Options.Name, SizeBytes = 32 * MiB };
}
