using System.Globalization;
using CsiLocal.State;
using CsiLocal.Volumes;
using Xunit;

namespace CsiLocal.Tests.State;

public sealed class StateDirectoryLockTests : IDisposable
{
    private readonly StateFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact(Timeout = 10_000)]
    public Task A_second_instance_is_refused_and_told_who_has_it()
    {
        using var held = StateDirectoryLock.Acquire(_folder.Path);

        var error = Assert.Throws<StorageException>(() => StateDirectoryLock.Acquire(_folder.Path));

        Assert.Equal(StorageError.FailedPrecondition, error.Error);
        Assert.Contains($"process {Environment.ProcessId}", error.Message, StringComparison.Ordinal);
        Assert.Contains("--state-dir", error.Remedy, StringComparison.Ordinal);
        return Task.CompletedTask;
    }

    [Fact(Timeout = 10_000)]
    public Task It_is_free_again_when_it_is_released()
    {
        StateDirectoryLock.Acquire(_folder.Path).Dispose();

        StateDirectoryLock.Acquire(_folder.Path).Dispose();

        // Only now: .NET takes a lock of its own for reading.
        Assert.Equal($"{Environment.ProcessId}\n", File.ReadAllText(Path.Combine(_folder.Path, StateDirectoryLock.FileName)));
        return Task.CompletedTask;
    }

    [Fact(Timeout = 30_000)]
    public async Task The_kernel_releases_it_when_its_process_is_killed()
    {
        using var child = ChildProcess.Start("hold", _folder.Path);
        var line = await child.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);
        Assert.Equal("held", line);
        var error = Assert.Throws<StorageException>(() => StateDirectoryLock.Acquire(_folder.Path));
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"process {child.Id})"), error.Message, StringComparison.Ordinal);

        child.Kill();
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);

        StateDirectoryLock.Acquire(_folder.Path).Dispose();
    }

    [Fact(Timeout = 10_000)]
    public Task A_symbolic_link_in_its_place_is_refused()
    {
        Directory.CreateDirectory(_folder.Path);
        var victim = Path.Combine(_folder.Path, "victim");
        File.WriteAllText(victim, "precious");
        File.CreateSymbolicLink(Path.Combine(_folder.Path, StateDirectoryLock.FileName), victim);

        var error = Assert.Throws<StorageException>(() => StateDirectoryLock.Acquire(_folder.Path));

        Assert.Equal(StorageError.Unavailable, error.Error);
        Assert.Equal("precious", File.ReadAllText(victim));
        return Task.CompletedTask;
    }
}
