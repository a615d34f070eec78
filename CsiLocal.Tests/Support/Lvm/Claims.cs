using CsiLocal.Backends.Lvm;
using CsiLocal.Filesystems;
using CsiLocal.Tools;
using Microsoft.Extensions.Logging.Abstractions;

namespace CsiLocal.Tests.Support.Lvm;

internal static class Claims
{
    /// <summary>For volume groups that are there: without patterns of devices it has nothing to look at.</summary>
    public static DeviceClaim None { get; } = new(new SignatureProbe(new NoCommands()), NullLogger<DeviceClaim>.Instance);

    private sealed class NoCommands : ICommandRunner
    {
        public Task<ToolOutput> RunAsync(ToolCommand command, CancellationToken cancellationToken) =>
            throw new InvalidOperationException($"no device is looked at: {command}");
    }
}
