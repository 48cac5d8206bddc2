import type { Pattern } from './why.ts';

/** What a container or a task says when it stops, and what it means. First match counts: causes stand before their consequences. */
export const STOPS: readonly Pattern[] = [
  // ------------------------------------------------------------------------------------------------ the image
  {
    text: /(CannotPull|pull).*(no matching manifest|does not contain descriptor matching platform)/is,
    code: 'image-pull-failed',
    cause: 'the image was not built for the CPU architecture of the tasks',
    advice: "Build the image for that platform, or set the task definition's runtimePlatform.",
  },
  {
    text: /CannotPull.*(toomanyrequests|rate limit)/is,
    code: 'image-pull-failed',
    cause: 'the registry limits how often images are pulled',
    advice: 'Pull with credentials of an account (repositoryCredentials), or through an ECR pull-through cache.',
  },
  {
    text: /CannotPull.*(no space left|not enough space)/is,
    code: 'image-pull-failed',
    cause: 'the disk is full where the image is pulled to',
    advice: "Free or enlarge the container instance's disk, or the task's ephemeral storage.",
  },
  {
    text: /(CannotPull|ecr registry auth).*(pull access denied|no basic auth|not authorized|AccessDenied|unauthorized|forbidden|\b40[13]\b)/is,
    code: 'image-pull-failed',
    cause: 'the image may not be pulled, or the repository does not exist',
    advice:
      'Check the name; allow the execution role ecr:GetAuthorizationToken, ecr:BatchGetImage and ecr:GetDownloadUrlForLayer, or give repositoryCredentials.',
  },
  {
    text: /(CannotPull|ecr registry auth).*(i\/o timeout|timed? ?out|deadline exceeded|dial tcp|request canceled|no such host|connection refused|RequestError)/is,
    code: 'image-pull-failed',
    cause: 'the tasks do not reach the registry',
    advice:
      'The subnets need a NAT gateway, a public address (assignPublicIp), or VPC endpoints ecr.api, ecr.dkr and the S3 gateway; see security groups and DNS too.',
  },
  {
    text: /CannotPull.*x509/is,
    code: 'image-pull-failed',
    cause: "the registry's certificate is not trusted",
    advice: 'Use a registry with a public certificate, or trust its authority on the container instances.',
  },
  {
    text: /(CannotPull|manifest).*(not found|manifest unknown|does not exist|name unknown)/is,
    code: 'image-pull-failed',
    cause: 'the image cannot be pulled: the registry does not have it',
    advice: "Check the image's name and tag, and that it was pushed to this registry and region.",
  },
  {
    text: /CannotPullContainer|CannotPullImage|pull access denied|manifest unknown|toomanyrequests|ecr registry auth/i,
    code: 'image-pull-failed',
  },
  // ------------------------------------------------------------------------------------------------ memory
  {
    text: /OutOfMemory/i,
    code: 'out-of-memory',
    advice: 'Raise the memory of the container or the task, or lower what the program takes.',
    ran: true,
  },
  // ------------------------------------------------------------------------------------------------ secrets, roles, resources
  {
    text: /(secret|parameter|ssm|asm|environment file|env file).*(AccessDenied|not authorized|AccessDeniedException)/is,
    code: 'secret-unavailable',
    cause: 'the execution role may not read a secret',
    advice:
      'Allow the execution role secretsmanager:GetSecretValue or ssm:GetParameters on it (s3:GetObject for files), and kms:Decrypt for its key.',
  },
  {
    text: /(secret|parameter|ssm|asm|environment file|env file).*(ResourceNotFound|can't find|not found|invalid ssm parameters|does not exist|NoSuchKey)/is,
    code: 'secret-unavailable',
    cause: 'a secret that the task definition names does not exist',
    advice: "Check valueFrom in the task definition: name, region, and the secret's JSON key.",
  },
  {
    text: /ResourceInitializationError.*(secret|registry auth|parameter|ssm|asm|environment file|env file)/is,
    code: 'secret-unavailable',
    advice: 'Check the execution role, and the way from the subnets to Secrets Manager and SSM: NAT or VPC endpoints.',
  },
  {
    text: /logging driver|log group|log stream|CreateLogStream|PutLogEvents|awslogs/i,
    code: 'task-start-failed',
    cause: 'the log driver cannot start',
    advice:
      'Create the log group named, or allow the execution role logs:CreateLogGroup, logs:CreateLogStream and logs:PutLogEvents.',
  },
  {
    text: /ResourceInitializationError.*(EFS|mount)/is,
    code: 'task-start-failed',
    cause: 'a volume cannot be mounted',
    advice: "Check the file system's mount targets and security group (port 2049), and the task role's rights.",
  },
  {
    text: /ResourceInitializationError/i,
    code: 'task-start-failed',
    advice: 'Check volumes, execution role and the VPC endpoints of the subnets.',
  },
  {
    text: /InsufficientFreeAddresses|not enough free addresses|no free (IP )?addresses/i,
    code: 'network-interface-failed',
    cause: 'a subnet has no free addresses',
    advice: 'Add subnets to the network of the Infrastructure, or free addresses.',
  },
  { text: /network interface|RESOURCE:ENI/i, code: 'network-interface-failed' },
  {
    text: /unable to assume the role|not authorized to perform|AccessDenied/i,
    code: 'aws-access-denied',
    cause: 'ECS may not use a role of the task',
    advice: "Check the trust policy (ecs-tasks.amazonaws.com) and the rights of the task's roles.",
  },
  // ------------------------------------------------------------------------------------------------ health
  {
    text: /failed container health checks/i,
    code: 'health-check-failed',
    cause: "the container's health check fails",
    advice: 'Run its command in the container; raise startPeriod or retries if the program only starts slowly.',
    ran: true,
  },
  {
    text: /failed (ELB|service discovery)? ?health checks/i,
    code: 'health-check-failed',
    cause: "the load balancer's health checks fail",
    advice:
      "Check the target group's path, port and success codes, the security groups, and healthCheckGracePeriodSeconds for programs that start slowly.",
    ran: true,
  },
  // ------------------------------------------------------------------------------------------------ what passes by itself
  {
    text: /Capacity is unavailable/i,
    code: 'capacity-unavailable',
    passes: true,
    noPlace: true,
  },
  {
    text: /Spot Task was interrupted|Spot interruption/i,
    code: 'capacity-unavailable',
    cause: 'Spot capacity was taken back',
    advice: 'Use FARGATE or On-Demand instances for a part of the tasks.',
    passes: true,
  },
  {
    text: /Host EC2 .*(terminated|stopped)|Container instance deregistration/i,
    code: 'capacity-unavailable',
    cause: 'a container instance went away under its tasks',
    advice: 'See who stops instances: the Auto Scaling group, Spot, or a person.',
    passes: true,
  },
  {
    text: /RESOURCE:|AGENT|ATTRIBUTE|MemberOf|NO ACTIVE INSTANCES|EMPTY CAPACITY PROVIDER/,
    code: 'placement-failed',
    passes: true,
    noPlace: true,
  },
  // ------------------------------------------------------------------------------------------------ the container
  {
    text: /exec format error/i,
    code: 'task-start-failed',
    cause: 'the program was built for another CPU architecture',
    advice: "Build the image for that platform, or set the task definition's runtimePlatform.",
  },
  {
    text: /executable file not found|no such file or directory|permission denied.*(exec|entrypoint|start)/is,
    code: 'task-start-failed',
    cause: "the container's command cannot be run",
    advice: 'Check command, entry point and working directory, and that the file is in the image and executable.',
  },
  {
    text: /CannotStartContainer|CannotCreateContainer|ContainerRuntime|CannotCreateVolume|CannotInspect|InternalError/i,
    code: 'task-start-failed',
    cause: 'the container cannot be started',
    advice: 'Check command, entry point, user and volumes of the container.',
  },
  { text: /Essential container in task exited/i, code: 'container-exited', ran: true },
];
